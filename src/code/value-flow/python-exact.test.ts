import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkProject } from '../check-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-exact-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HEAD = [
  'from flask import Flask, request, session, redirect, make_response, current_app',
  'import base64, configparser, html, io, lxml.etree, os, pathlib, pickle, re, sqlite3, subprocess, xml.sax, xml.dom.minidom',
  'from urllib.parse import urlparse',
  'app = Flask(__name__)',
  'cur = sqlite3.connect("a").cursor()',
  'ALLOWED = ("a", "b")',
  'NAME = re.compile(r"[a-z]+")',
  '@app.route("/x/y")',
  'def view():',
  '    q = request.args.get("q")',
]

/** Rules found in the body of a view, whose untrusted value is `q`. */
async function found(...body: readonly string[]): Promise<string[]> {
  const lines = [...HEAD, ...body.flatMap((line) => line.split('\n')).map((line) => `    ${line}`), '']
  const report = await checkProject(folder, {
    contents: new Map([['app.py', lines.join('\n')]]),
    rules: ['value-flow/*'],
  })
  return [...new Set(report.findings.map(({ finding }) => finding.rule.slice('value-flow/'.length)))]
}

const RUN = 'cur.execute("SELECT * FROM t WHERE a = " + x)'

describe('knows which element of a list or dictionary it is', () => {
  it.each([
    ['x = ["a", q][1]', true],
    ['x = ["a", q][0]', false],
    ['l = []\nl.append("a")\nl.append(q)\nl.append("b")\nl.pop(0)\nx = l[0]', true],
    ['l = []\nl.append("a")\nl.append(q)\nl.append("b")\nl.pop(0)\nx = l[1]', false],
    ['l = [q]\nl.insert(0, "a")\nx = l[0]', false],
    ['l = [q]\nl.insert(0, "a")\nx = l[-1]', true],
    ['l = [q]\nl.clear()\nl.append("a")\nx = l[0]', false],
    ['l = list([q, "a"])\nl.reverse()\nx = l[0]', false],
    ['d = {}\nd["a"] = q\nd["a"] = "b"\nx = d["a"]', false],
    ['d = {}\nd["a"] = "b"\nd["c"] = q\nx = d["c"]', true],
    ['d = {"a": q, "b": "c"}\nx = d.get("b", "")', false],
    ['d = {"a": "c"}\nx = d.get("b", q)', true],
    ['d = {"a": "c"}\nd.update({"a": q})\nx = d["a"]', true],
    ['d = dict(a=q, b="c")\nx = d["b"]', false],
    ['l = ["a"]\nfor i in range(3):\n    l.append(q)\nx = l[0]', true],
    ['l = ["a"]\nif q:\n    l = [q]\nx = l[0]', true],
    ['l = ["a"]\nm = l\nm.append(q)\nx = l[1]', true],
    ['l = ["a"]\ndef add():\n    l[0] = q\nadd()\nx = l[0]', true],
    [
      'c = configparser.ConfigParser()\nc.add_section("s")\nc.set("s", "a", "b")\nc.set("s", "c", q)\nx = c.get("s", "a")',
      false,
    ],
    ['c = configparser.ConfigParser()\nc.add_section("s")\nc.set("s", "C", q)\nx = c.get("s", "c")', true],
    ['s = io.StringIO()\ns.write(q)\nx = s.getvalue()', true],
    ['x = ", ".join(["a", q])', true],
    ['x = "%s %s" % ("a", q)', true],
    ['x = "{0[a]}".format({"a": q})', true],
    ['x, y = [q, "a"]', true],
    ['y, x = [q, "a"]', false],
  ])('%s', async (code, dangerous) =>
    expect(await found(code, RUN)).toEqual(dangerous ? ['sql-injection'] : []),
  )

  it('does not trust a list that a function of the program has had', async () =>
    expect(
      await found('def fill(l):\n    l[0] = request.args["r"]\nl = ["a"]\nfill(l)\nx = l[0]', RUN),
    ).toEqual(['sql-injection']))
})

describe('knows what is decided by constants', () => {
  it.each([
    ['x = "a" if 7 * 6 > 40 else q', false],
    ['n = 10\nif n - 7 > 2:\n    x = "a"\nelse:\n    x = q', false],
    [
      'g = "ABC"[1]\nmatch g:\n    case "A":\n        x = q\n    case "B":\n        x = "b"\n    case _:\n        x = q',
      false,
    ],
    [
      'g = "ABC"[2]\nmatch g:\n    case "A":\n        x = "a"\n    case "C" | "D":\n        x = q\n    case _:\n        x = "b"',
      true,
    ],
    ['y = "never"\nx = "a"\nif "eve" in y:\n    x = q', true],
    ['y = "never"\nx = "a"\nif "odd" in y:\n    x = q', false],
    ['n = 0\nx = "a"\nfor i in range(9):\n    if n > 0:\n        x = q\n    n += 1', true],
    ['x = ("a" * 3)[:2] if len("abc") == 3 else q', false],
  ])('%s', async (code, dangerous) =>
    expect(await found(code, RUN)).toEqual(dangerous ? ['sql-injection'] : []),
  )
})

describe('knows what checks exclude', () => {
  it.each([
    ['if q not in ALLOWED:\n    return "no"\ncur.execute("SELECT " + q)', []],
    ['if q in {"a", "b"}:\n    cur.execute("SELECT " + q)', []],
    ['if q.isalnum():\n    cur.execute("SELECT " + q)', []],
    ['if not re.fullmatch(r"[a-z]+", q):\n    return "no"\ncur.execute("SELECT " + q)', []],
    ['if NAME.fullmatch(q):\n    cur.execute("SELECT " + q)', []],
    ['if NAME.match(q):\n    cur.execute("SELECT " + q)', ['sql-injection']],
    ['if re.search("a", q):\n    cur.execute("SELECT " + q)', ['sql-injection']],
    ['if "a" in q:\n    cur.execute("SELECT " + q)', ['sql-injection']],
    ['if ".." in q:\n    return "no"\nopen("/data/" + q)', []],
    ['p = os.path.realpath(os.path.join("/data", q))\nif p.startswith("/data/"):\n    open(p)', []],
    ['p = (pathlib.Path("/data") / q).resolve()\nif p.is_relative_to("/data"):\n    p.read_text()', []],
    ['p = pathlib.Path("/data") / q\np.read_text()', ['path-traversal']],
    ['if os.path.commonpath(["/data", q]) == "/data":\n    open(q)', []],
    ['if urlparse(q).netloc == "example.org":\n    return redirect(q)', []],
    ['if urlparse(q).netloc in ALLOWED:\n    return redirect(q)', []],
    ['if "example.org" in q:\n    return redirect(q)', ['open-redirect']],
    ['if not q.startswith("\'") or not q.endswith("\'") or "\'" in q[1:-1]:\n    return "no"\neval(q)', []],
    ['if not q.startswith("\'") or not q.endswith("\'"):\n    return "no"\neval(q)', ['code-injection']],
    ['if isinstance(q, int):\n    cur.execute("SELECT " + q)', []],
    ['if isinstance(q, str):\n    cur.execute("SELECT " + q)', ['sql-injection']],
  ])('%s', async (code, rules) => expect(await found(code)).toEqual(rules))
})

describe('knows what harms', () => {
  it.each([
    ['subprocess.run(["sh", "-c", "ls " + q])', ['command-injection']],
    ['subprocess.run(["ls", q])', []],
    ['subprocess.run(["git", "-c", q])', []],
    ['subprocess.run([q, "a"])', ['command-injection']],
    ['subprocess.run(["ls", q], shell=True)', ['command-injection']],
    ['session["user"] = q', ['trust-boundary']],
    ['session["user"] = "a"', []],
    ['r = make_response("a")\nr.headers["Location"] = q', ['open-redirect']],
    ['current_app.logger.info("x " + q)', ['log-injection']],
    ['root.xpath("/a[@b=\'" + q + "\']")', ['xpath-injection']],
    ['root.xpath("/a[@b=\'" + html.escape(q) + "\']")', []],
    ['root.xpath("/a[@b=" + html.escape(q) + "]")', ['xpath-injection']],
    ['root.xpath("/a[@b=\'" + q.replace("\'", "&apos;") + "\']")', []],
    ['lxml.etree.fromstring(q, lxml.etree.XMLParser(resolve_entities=False))', []],
    ['lxml.etree.fromstring(q, lxml.etree.XMLParser(resolve_entities=True))', ['xml-external-entities']],
    ['p = xml.sax.make_parser()\nxml.dom.minidom.parseString(q, p)', []],
    [
      'p = xml.sax.make_parser()\np.setFeature(xml.sax.handler.feature_external_ges, True)\nxml.dom.minidom.parseString(q, p)',
      ['xml-external-entities'],
    ],
    [
      'request.files["f"].save("/data/" + request.files["f"].filename)',
      ['insecure-upload', 'path-traversal'],
    ],
    ['x = request.path\nopen(x)', []],
    ['pickle.loads(base64.b64decode(q))', ['unsafe-deserialisation']],
  ])('%s', async (code, rules) => expect(await found(code)).toEqual(rules))
})

it('reports what callers of a function may pass that becomes a part of a statement, as a warning', async () => {
  const check = async (text: string): Promise<string[]> => {
    const report = await checkProject(folder, {
      contents: new Map([['db.py', text]]),
      rules: ['value-flow/*'],
    })
    return report.findings.map(({ finding }) => `${finding.severity} ${finding.rule}`)
  }
  const remove = (statement: string): string =>
    `import sqlite3\ndef remove(name):\n    sqlite3.connect("a").cursor().execute(${statement})\n`
  expect(await check(remove('"DELETE FROM t WHERE n = \'%s\'" % name'))).toEqual([
    'warning value-flow/sql-injection',
  ])
  expect(await check(remove('"DELETE FROM t WHERE n = ?", (name,)'))).toEqual([])
  expect(await check(remove('name'))).toEqual([])
})

it('finds the class that a module of the program names at run time', async () => {
  const report = await checkProject(folder, {
    contents: new Map([
      ['kit/shapes.py', 'class A:\n    def give(self, x):\n        return x\n'],
      [
        'app.py',
        `${HEAD.slice(0, 9).join('\n')}\n    import kit.shapes\n    made = getattr(kit.shapes, request.args["k"])()\n    eval(made.give(request.args["q"]))\n`,
      ],
    ]),
    rules: ['code-injection'],
  })
  expect(report.findings.map(({ finding }) => finding.location.line)).toEqual([12])
})
