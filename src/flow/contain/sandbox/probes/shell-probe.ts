import type { Escapes } from './probe-script.ts'

/**
 * Runs inside where nothing but a shell is sure to be there, as in an image of somebody else's: tries what an escape
 * would begin with, and writes what it got, a line `property|what` each. Arguments: the canaries' file, socket, TCP
 * port, process and secret, and the harness's network namespace as the kernel names it.
 */
export const SHELL_PROBE = `
got() { printf '%s|%s\\n' "$1" "$2"; }
(cat "$1") >/dev/null 2>&1 && got filesystem 'read a file of the host'
for folder in / /usr /etc /proc/sys/kernel; do
  (echo x >"$folder/belay-probe") 2>/dev/null && got filesystem "write $folder"
done
(unshare -U true) >/dev/null 2>&1 && got filesystem 'make a namespace of users'
filter= privileges= capabilities=
while read -r name value; do
  case "$name" in
    Seccomp:) filter=$value ;;
    NoNewPrivs:) privileges=$value ;;
    CapEff:) capabilities=$value ;;
  esac
done </proc/self/status
[ "$filter" = 2 ] || got filesystem 'run without a filter of system calls'
[ "$privileges" = 1 ] || got filesystem 'gain privileges by a program'
[ "$capabilities" = 0000000000000000 ] || got filesystem 'have capabilities'
(kill -0 "$4") 2>/dev/null && got pid_namespace 'signal the harness'
count=0
for one in /proc/[0-9]*; do count=$((count+1)); done
[ "$count" -gt 12 ] && got pid_namespace 'see the processes of the host'
case "$(export -p)" in *"$5"*) got secrets 'have the environment of the harness' ;; esac
case "$(cat "/proc/$4/environ" 2>/dev/null)" in *"$5"*) got secrets 'read the environment of the harness' ;; esac
for one in /proc/self/fd/*; do
  # The third is the listing itself.
  [ "\${one##*/}" -gt 3 ] 2>/dev/null && got secrets "have the descriptor \${one##*/}"
done
case "$(ls -l /proc/self/ns/net 2>/dev/null)" in
  *"$6"*) got network 'be in the network of the host' ;;
  *net:*) ;;
  *) got network 'not be asked for its network' ;;
esac
lines=0
while read -r line; do lines=$((lines+1)); done </proc/net/route
[ "$lines" -gt 1 ] && got network 'have a route to a network'
while read -r a b c d e name; do
  [ "$name" = lo ] || got network 'have an interface to a network'
done 2>/dev/null </proc/net/if_inet6
[ -e "$2" ] && got network 'reach a Unix socket of the host by path'
case "$( (nc -w 2 127.0.0.1 "$3") </dev/null 2>/dev/null)" in *"$5"*) got network 'reach 127.0.0.1 of the host' ;; esac
# Last: what is mounted hides what else could be found.
(mount -t tmpfs probe /tmp) >/dev/null 2>&1 && got filesystem 'mount a file system'
(mount -o remount,rw /) >/dev/null 2>&1 && got filesystem 'mount the root anew'
got done done
`

/** Throws when the probe did not come to its end: what it did not try is not proven. */
export function readShellProbe(output: string): Escapes {
  const found = { filesystem: [], pid_namespace: [], network: [], secrets: [] } as Record<
    keyof Escapes,
    string[]
  >
  const lines = output.trim().split('\n')
  if (lines.pop() !== 'done|done') throw new Error(`the probe ended early: ${output.slice(-500)}`)
  for (const line of lines) {
    const bar = line.indexOf('|')
    const name = line.slice(0, bar)
    if (!Object.hasOwn(found, name)) throw new Error(`the probe said ${line.slice(0, 200)}`)
    found[name as keyof Escapes].push(line.slice(bar + 1))
  }
  return found
}
