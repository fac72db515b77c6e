import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { checkProject } from '../../check-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-patterns-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function found(code: string): Promise<string[]> {
  const head =
    'import ftplib, hashlib, jwt, os, pickle, random, requests, secrets, smtplib, socket, ssl, string, tarfile, tempfile, torch, traceback, yaml; from OpenSSL import SSL; from python_jwt import process_jwt; from jinja2 import Environment; from cryptography.hazmat.primitives.ciphers import modes\nfrom Crypto.PublicKey import RSA; from lxml import etree; from cryptography.hazmat.primitives.asymmetric import rsa; from Crypto.Cipher import DES, AES\nfrom flask import Flask\napp = Flask(__name__)\n'
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
  ['tls-not-verified', 'x.verify_mode = ssl.CERT_NONE'],
  ['tls-not-verified', 'SSL.Context(SSL.TLS_METHOD)'],
  ['token-not-verified', 'process_jwt(x)'],
  ['static-iv', "AES.new(x, AES.MODE_CBC, b'0123456789abcdef')"],
  ['static-iv', 'iv = bytes(16); modes.CBC(iv)'],
  ['fast-password-hash', 'hashlib.md5(x.password)'],
  ['fast-password-hash', 'password = x; hashlib.sha256(password.encode())'],
  ['weak-random', "''.join(random.choice(string.ascii_letters) for _ in x)"],
  ['hard-coded-secret', "x.connect(host='db.example.com', password='hunter2')"],
  ['hard-coded-secret', "if x.password == 'hunter2': pass"],
  ['hard-coded-secret', "app.secret_key = 'dev1'"],
  ['hard-coded-secret', "jwt.encode(x, 'signed', algorithm='HS256')"],
  ['hard-coded-secret', "smtplib.SMTP('mail').login('me', 'hunter2')"],
  ['hard-coded-secret', "key = 'vQF6J15Kuh3Y6ut1Vh247dlVEIpTEbMnWq7lRKjD'"],
  ['empty-password', "url = 'postgresql://shop:@db.example.com/shop'"],
  ['all-interfaces', "socket.socket().bind(('', 80))"],
  ['all-interfaces', "app.run(host='0.0.0.0')"],
  ['open-permissions', 'os.chmod(x, 0o777)'],
  ['open-permissions', "open('run', 'w').write(x); os.chmod('run', 0o755)"],
  ['unsafe-deserialisation', 'pickle.load(x)'],
  ['unsafe-deserialisation', 'yaml.load(x, Loader=yaml.Loader)'],
  ['unsafe-deserialisation', 'torch.load(x, weights_only=False)'],
  ['unpacked-archive', 'tarfile.open(x).extractall()'],
  ['unescaped-templates', 'Environment(autoescape=False)'],
  ['error-details', '...\n@app.get("/x")\ndef g(): return traceback.format_exc()'.replace('...', 'pass')],
  ['token-not-verified', "jwt.decode(x, options={'verify_signature': False})"],
])('finds %s: %s', async (rule, code) =>
  expect((await found(code)).map((each) => each.replace(/:\d+$/, ''))).toEqual([`python/${rule}`]),
)

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
  "jwt.decode(x, x.key, algorithms=['HS256'])",
  'x.verify_mode = ssl.CERT_REQUIRED',
  'AES.new(x, AES.MODE_CBC, x.iv)',
  'iv = os.urandom(16); modes.CBC(iv)',
  "hashlib.pbkdf2_hmac('sha256', x.password, x.salt, 600000)",
  'hashlib.sha256(x.content)',
  "x.connect(host='localhost', password='shop')",
  "x.connect(host='db.example.com', password='<your-password>')",
  "x.field(password='Password')",
  "if x.password == '': pass",
  "if x.type == 'password': pass",
  "app.secret_key = os.environ['SECRET']",
  "cache_key = 'vQF6J15Kuh3Y6ut1Vh247dlVEIpTEbMnWq7lRKjD'",
  "url = 'postgresql://shop@localhost/shop'",
  "socket.socket().bind(('127.0.0.1', 80))",
  'os.chmod(x, 0o755)',
  'os.chmod(x, 0o640)',
  'yaml.load(x, Loader=yaml.SafeLoader)',
  'pickle.dumps(x); pickle.loads(x)',
  "pickle.loads(b'')",
  "tarfile.open(x).extractall(filter='data')",
  'for each in tarfile.open(x): print(each.name)',
  'Environment(autoescape=True)',
  'random.shuffle(x)',
])('is silent: %s', async (code) => expect(await found(code)).toEqual([]))
