import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { checkProject } from '../../check-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-patterns-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function found(code: string): Promise<string[]> {
  const head =
    'import ftplib, hashlib, jwt, random, requests, secrets, ssl, tempfile\nfrom Crypto.PublicKey import RSA; from lxml import etree; from cryptography.hazmat.primitives.asymmetric import rsa; from Crypto.Cipher import DES, AES\nfrom flask import Flask\napp = Flask(__name__)\n'
  const report = await checkProject(folder, {
    contents: new Map([['app.py', `${head}def f(x, response):\n    ${code}\n`]]),
    rules: ['python/*'],
  })
  return report.findings.map(({ finding }) => `${finding.rule}:${finding.location.line}`)
}

it.each([
  ['weak-hash', 'hashlib.md5(x)'],
  ['weak-hash', "hashlib.new('sha1', x)"],
  ['weak-cipher', 'DES.new(x, DES.MODE_CBC)'],
  ['weak-random', 'token = random.randint(0, 9)'],
  ['insecure-cookie', "response.set_cookie('a', x)"],
  ['insecure-cookie', "response.set_cookie('a', x, secure=False)"],
  ['tls-not-verified', 'requests.get(x, verify=False)'],
  ['tls-not-verified', 'ssl._create_unverified_context()'],
  ['debug-server', 'app.run(debug=True)'],
  ['guessable-file', 'tempfile.mktemp()'],
  ['short-key', 'RSA.generate(1024)'],
  ['short-key', 'rsa.generate_private_key(65537, key_size=1024)'],
  ['clear-text-protocol', 'ftplib.FTP(x)'],
  ['external-entities', 'etree.XMLParser(resolve_entities=True)'],
  ['token-not-verified', "jwt.decode(x, options={'verify_signature': False})"],
])('finds %s: %s', async (rule, code) => expect(await found(code)).toEqual([`python/${rule}:6`]))

it.each([
  'hashlib.sha256(x)',
  'hashlib.md5(x, usedforsecurity=False)',
  'AES.new(x, AES.MODE_GCM)',
  'colour = random.choice(x)',
  'token = secrets.token_hex(16)',
  "response.set_cookie('a', x, secure=True)",
  "response.set_cookie('a', x, secure=x.secure)",
  "response.set_cookie('a', x, **options)",
  'requests.get(x, verify=True)',
  'app.run(debug=x)',
  'tempfile.mkstemp()',
  'RSA.generate(3072)',
  'rsa.generate_private_key(65537, key_size=2048)',
  'ftplib.FTP_TLS(x)',
  'etree.XMLParser(resolve_entities=False)',
  "jwt.decode(x, 'k', algorithms=['HS256'])",
])('is silent: %s', async (code) => expect(await found(code)).toEqual([]))
