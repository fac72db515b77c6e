import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkProject } from '../check-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-python-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function found(files: Readonly<Record<string, string>>): Promise<string[]> {
  const report = await checkProject(folder, {
    contents: new Map(Object.entries(files)),
    rules: ['value-flow/*'],
  })
  return report.findings.map(
    ({ finding }) =>
      `${finding.rule.slice('value-flow/'.length)} ${finding.location.path}:${finding.location.line}`,
  )
}

const flask = (code: string): Record<string, string> => ({
  'app.py': `from flask import Flask, request, redirect, render_template_string\nimport os, pickle, re, shlex, sqlite3, subprocess, yaml, html\nimport requests\napp = Flask(__name__)\n@app.route('/x/<name>')\ndef x(name):\n    q = request.args.get('q')\n    ${code}\n`,
})

describe('Flask', () => {
  it.each([
    ['sql-injection', "sqlite3.connect('a').cursor().execute('SELECT %s' % q)"],
    ['sql-injection', 'db.session.execute(f"SELECT * FROM t WHERE a = \'{name}\'")'],
    ['command-injection', "os.system('ls {}'.format(q))"],
    ['command-injection', "subprocess.run('ls ' + q, shell=True)"],
    ['path-traversal', "open(os.path.join('/data', q))"],
    ['unsafe-deserialisation', 'pickle.loads(request.data)'],
    ['unsafe-deserialisation', 'yaml.load(q)'],
    ['template-injection', "render_template_string('<p>' + q)"],
    ['request-forgery', 'requests.get(url=q)'],
    ['open-redirect', 'return redirect(q)'],
    ['code-injection', 'eval(q)'],
    ['cross-site-scripting', "return f'<p>{q}</p>'"],
  ])('finds %s: %s', async (rule, code) => expect(await found(flask(code))).toEqual([`${rule} app.py:8`]))

  it.each([
    "sqlite3.connect('a').cursor().execute('SELECT ?', (q,))",
    "os.system('ls %d' % int(q))",
    "subprocess.run(['ls', q])",
    "os.system('ls ' + shlex.quote(q))",
    "open(os.path.join('/data', os.path.basename(q)))",
    'yaml.load(q, Loader=yaml.SafeLoader)',
    "return f'<p>{html.escape(q)}</p>'",
    "return {'q': q}",
    "eval('1 + 1' if 7 * 6 == 42 else q)",
  ])('is silent: %s', async (code) => expect(await found(flask(code))).toEqual([]))
})

it('follows values through other files, classes, named arguments and imports in functions', async () => {
  const files = {
    'app/__init__.py': '',
    'app/views.py':
      'from .store import Store, run\nfrom django.http import HttpResponse\ndef view(request, pk):\n    Store(table=request.GET["t"]).load()\n    run(1, command=request.POST.get("c"))\n',
    'app/store.py':
      'class Store:\n    def __init__(self, table):\n        self.table = table\n    def load(self):\n        from django.db import connection\n        connection.cursor().execute("SELECT * FROM " + self.table)\ndef run(n, command=None):\n    import subprocess\n    subprocess.check_output(command, shell=True)\n',
  }
  expect((await found(files)).toSorted()).toEqual([
    'command-injection app/store.py:9',
    'sql-injection app/store.py:6',
  ])
})

it('knows parameters that FastAPI fills, by their types', async () => {
  const text = (type: string): Record<string, string> => ({
    'main.py': `import os\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.get("/x")\nasync def x(q: ${type}):\n    os.system("ls " + str(q))\n`,
  })
  expect(await found(text('str'))).toEqual(['command-injection main.py:6'])
  expect(await found(text('int'))).toEqual([])
})
