import { join } from 'node:path'
import { readText } from './cgroup.ts'

/** A mounted hierarchy of control groups. */
export interface CgroupMount {
  readonly version: 1 | 2
  /** Of the first version; the second has them in files. */
  readonly controllers: readonly string[]
  readonly root: string
  /** The folder of the group in which this process is. */
  readonly own: string
}

/** From /proc/self/mountinfo and /proc/self/cgroup, proc(5) and cgroups(7); empty where there are none. */
export function cgroupMounts(
  mountinfo: string = readText('/proc/self/mountinfo') ?? '',
  membership: string = readText('/proc/self/cgroup') ?? '',
): CgroupMount[] {
  const groups = membership
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id = '', controllers = '', ...path] = line.split(':')
      return { id, controllers: controllers.split(','), path: path.join(':') }
    })
  return mountinfo.split('\n').flatMap((line) => {
    const [place = '', filesystem = ''] = line.split(' - ')
    const [type, , options = ''] = filesystem.split(' ')
    if (type !== 'cgroup' && type !== 'cgroup2') return []
    const [, , , rootOfMount = '/', root = ''] = place.split(' ')
    const controllers = type === 'cgroup' ? options.split(',') : []
    const group = groups.find((one) =>
      type === 'cgroup2' ? one.id === '0' : one.controllers.some((name) => controllers.includes(name)),
    )
    if (group === undefined) return []
    const { path } = group
    // In a container the mount begins at the container's own group.
    const below = rootOfMount !== '/' && path.startsWith(rootOfMount) ? path.slice(rootOfMount.length) : path
    return [{ version: type === 'cgroup2' ? 2 : 1, controllers, root, own: join(root, below) }]
  })
}
