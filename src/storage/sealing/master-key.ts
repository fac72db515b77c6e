import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BelayError } from '../../errors/catalogue.ts'

/**
 * Wraps the keys of data subjects, so that the database alone opens nothing. A key management service fits behind it:
 * both calls may take their time, and are made once a key and process.
 */
export interface MasterKey {
  wrap(key: Buffer): Promise<string>
  /** Rejects with `store:unavailable` what another master key wrapped, or what was changed. */
  unwrap(wrapped: string): Promise<Buffer>
}

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** A master key of 32 bytes in base64 or base64url. Throws `store:unavailable` for anything else. */
export function masterKeyFrom(text: string, where: string): MasterKey {
  const key = Buffer.from(text.trim(), 'base64')
  if (!/^[A-Za-z0-9+/_-]{42,43}=?$/.test(text.trim()) || key.length !== KEY_BYTES)
    throw new BelayError('store:unavailable', { cause: `${where} is not a key of 32 bytes in base64` })
  const id = hash('sha256', Buffer.concat([Buffer.from('belay master key'), key]), 'hex').slice(0, 16)
  return {
    wrap(plain) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, iv)
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
      return Promise.resolve(
        `${id}.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`,
      )
    },
    async unwrap(wrapped) {
      const [by, text = ''] = wrapped.split('.')
      if (by !== id)
        throw new BelayError('store:unavailable', {
          cause: `the keys of data subjects are wrapped by another master key than ${where}; all replicas need the same one`,
        })
      const bytes = Buffer.from(text, 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
        decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
      } catch (error) {
        throw new BelayError(
          'store:unavailable',
          { cause: 'a key of a data subject was changed' },
          { cause: error },
        )
      }
    },
  }
}

/** The installation's master key: `BELAY_MASTER_KEY`, else the file `subject-master.key` of the folder, made when missing. */
export function masterKeyOf(folder: string, environment: NodeJS.ProcessEnv = process.env): MasterKey {
  const given = environment['BELAY_MASTER_KEY']
  if (given !== undefined && given !== '') return masterKeyFrom(given, 'BELAY_MASTER_KEY')
  const file = join(folder, 'subject-master.key')
  return masterKeyFrom(readOrMake(file), file)
}

/** Whole or not at all: a key that is half on disk would lock out everything that it wraps. */
function readOrMake(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  const handle = openSync(draft, 'wx', 0o600)
  try {
    writeSync(handle, `${randomBytes(KEY_BYTES).toString('base64')}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  try {
    linkSync(draft, file)
  } catch (error) {
    // Another process made one at the same moment: that one counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
  return readFileSync(file, 'utf8')
}
