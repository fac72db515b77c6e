import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  createDataFolder,
  ensureAdminToken,
  readServerFile,
  removeServerFile,
  writeServerFile,
} from './data-folder.ts'

let parent: string
let folder: string

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'belay-data-'))
  folder = join(parent, 'deep', '.belay')
})

afterEach(() => {
  rmSync(parent, { recursive: true, force: true })
})

const mode = (path: string): number => statSync(path).mode & 0o777

test('the folder and the token are for their owner alone', () => {
  createDataFolder(folder)
  const token = ensureAdminToken(folder)
  expect(mode(folder)).toBe(0o700)
  expect(mode(join(folder, 'admin.token'))).toBe(0o600)
  expect(Buffer.from(token.replace('blt_', ''), 'base64url')).toHaveLength(32)
  expect(readdirSync(folder)).toEqual(['admin.token'])
})

test('an open folder is closed', () => {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  createDataFolder(folder)
  expect(mode(folder)).toBe(0o700)
})

test('the token stays the same', () => {
  createDataFolder(folder)
  expect(ensureAdminToken(folder)).toBe(ensureAdminToken(folder))
})

test('the address of a living process is found, and removed by that process alone', () => {
  createDataFolder(folder)
  writeServerFile(folder, { url: 'http://127.0.0.1:7300', pid: process.pid })
  expect(readServerFile(folder)).toEqual({ url: 'http://127.0.0.1:7300', pid: process.pid })
  removeServerFile(folder)
  expect(readServerFile(folder)).toBeUndefined()

  writeServerFile(folder, { url: 'http://127.0.0.1:7300', pid: process.ppid })
  removeServerFile(folder)
  expect(readServerFile(folder)?.pid).toBe(process.ppid)
})

test('the address of a dead process, or nonsense, is none', () => {
  createDataFolder(folder)
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  for (const text of [
    `{"url":"http://127.0.0.1:7300","pid":${pid}}`,
    '',
    '{',
    '[]',
    '{"url":"x","pid":-1}',
    '{"url":1,"pid":1}',
    '{"url":"x","pid":0}',
  ]) {
    writeFileSync(join(folder, 'server.json'), text)
    expect({ text, found: readServerFile(folder) }).toEqual({ text, found: undefined })
  }
})
