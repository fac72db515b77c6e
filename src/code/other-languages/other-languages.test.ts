import { describe, expect, it } from 'vitest'
import type { CodeFinding } from '../finding.ts'
import { checkTexts } from './other-languages.ts'

async function check(files: Readonly<Record<string, string>>): Promise<readonly CodeFinding[]> {
  return (await checkTexts(new Map(Object.entries(files)))).findings.map(({ finding }) => finding)
}
const found = async (path: string, text: string): Promise<string[]> =>
  (await check({ [path]: text })).map(({ rule, location }) => `${rule}:${location.line}`)

describe.each([
  {
    language: 'Go',
    path: 'a.go',
    wrap: (code: string) =>
      `package main\nimport "database/sql"\nfunc h(w http.ResponseWriter, r *http.Request) {\n${code}\n}`,
    line: 4,
    bad: [
      ['sql-injection', 'db.Query("SELECT * FROM t WHERE id = " + r.URL.Query().Get("id"))'],
      ['sql-injection', 'q := fmt.Sprintf("SELECT %s", r.FormValue("a")); db.QueryContext(ctx, q)'],
      ['command-injection', 'exec.Command(r.FormValue("cmd"))'],
      ['command-injection', 'exec.Command("/bin/sh", "-c", "ls "+r.FormValue("dir"))'],
      ['command-injection', 'exec.CommandContext(ctx, "bash", "-lc", r.FormValue("a"), "x")'],
      ['path-traversal', 'os.ReadFile("/data/" + c.Query("name"))'],
      ['request-forgery', 'http.Get(r.URL.Query().Get("url"))'],
      ['open-redirect', 'http.Redirect(w, r, r.FormValue("next"), 302)'],
      ['weak-hash', 'md5.Sum(data)'],
      ['tls-not-verified', 'c := &tls.Config{InsecureSkipVerify: true}'],
    ],
    good: [
      'db.Query("SELECT * FROM t WHERE id = $1", r.FormValue("id"))',
      'id, err := strconv.Atoi(r.FormValue("id")); db.Query(fmt.Sprintf("SELECT %d", id))',
      'os.ReadFile(filepath.Join("/data", filepath.Base(r.FormValue("name"))))',
      'u := r.FormValue("u"); if !allowed(u) { return }; http.Get(u)',
      'exec.Command("ls", r.FormValue("dir"))',
      'exec.Command("sh", "-c", "ls \\"$1\\"", "sh", r.FormValue("dir"))',
      'u := feeds[r.FormValue("feed")]; http.Get(u)',
    ],
  },
  {
    language: 'Java',
    path: 'A.java',
    wrap: (code: string) =>
      `class A {\nvoid h(HttpServletRequest request, @RequestParam String name, @RequestParam int n, Statement stmt) {\n${code}\n} }`,
    line: 3,
    bad: [
      ['sql-injection', 'String q = "SELECT " + request.getParameter("id"); stmt.executeQuery(q);'],
      ['sql-injection', 'stmt.execute("SELECT " + name);'],
      ['command-injection', 'Runtime.getRuntime().exec("ping " + name);'],
      ['command-injection', 'Runtime.getRuntime().exec(new String[] {"sh", "-c", "ping " + name});'],
      ['command-injection', 'new ProcessBuilder("cmd.exe", "/c", name).start();'],
      ['path-traversal', 'new FileInputStream("/data/" + name);'],
      ['open-redirect', 'response.sendRedirect(request.getParameter("next"));'],
      ['cross-site-scripting', 'response.getWriter().println("<p>" + name);'],
      ['weak-hash', 'MessageDigest.getInstance("MD5");'],
    ],
    good: [
      'PreparedStatement p = c.prepareStatement("SELECT ?"); p.setString(1, name);',
      'stmt.execute("SELECT " + Integer.parseInt(request.getParameter("n")));',
      'stmt.execute("SELECT " + n);',
      'new ProcessBuilder("ping", "-c", "1", name).start();',
      'Runtime.getRuntime().exec(new String[] {"ping", name});',
      'stmt.execute("SELECT " + COLUMNS.get(name));',
      'stmt.execute("SELECT " + columns[Integer.parseInt(name)]);',
      'MessageDigest.getInstance("SHA-256");',
      'if (!ALLOWED.contains(name)) { throw new X(); } stmt.execute("SELECT " + name);',
    ],
  },
  {
    language: 'PHP',
    path: 'a.php',
    wrap: (code: string) => `<?php\n${code}`,
    line: 2,
    bad: [
      ['sql-injection', '$id = $_GET["id"]; mysqli_query($c, "SELECT * FROM t WHERE id = $id");'],
      ['sql-injection', '$db->query("SELECT " . $_POST["a"]);'],
      ['command-injection', 'echo shell_exec("ls " . $_GET["d"]);'],
      ['command-injection', '$d = $_GET["d"]; $o = `ls $d`;'],
      ['cross-site-scripting', 'echo "<p>" . $_GET["name"];'],
      ['path-traversal', 'include $_GET["page"];'],
      ['unsafe-deserialisation', 'unserialize($_COOKIE["u"]);'],
      ['code-injection', 'eval($_POST["code"]);'],
      ['tls-not-verified', 'curl_setopt($ch, CURLOPT_SSL_VERIFYPEER, false);'],
    ],
    good: [
      '$s = $db->prepare("SELECT ?"); $s->execute([$_GET["id"]]);',
      'echo htmlspecialchars($_GET["name"]);',
      '$id = (int)$_GET["id"]; mysqli_query($c, "SELECT $id");',
      'include basename($_GET["page"]) . ".php";',
      'if (!in_array($_GET["p"], $pages)) { die(); } $p = "home"; include $p;',
      '$x = "a"; echo $x;',
    ],
  },
  {
    language: 'Ruby',
    path: 'a.rb',
    wrap: (code: string) => `class A\ndef show\n${code}\nend\nend`,
    line: 3,
    bad: [
      ['sql-injection', 'User.where("name = \'#{params[:name]}\'")'],
      ['command-injection', 'system("convert #{params[:file]}")'],
      ['command-injection', 'x = params[:a]; `ls #{x}`'],
      ['code-injection', 'eval(params[:code])'],
      ['open-redirect', 'redirect_to params[:next]'],
      ['path-traversal', 'send_file "files/#{params[:name]}"'],
      ['unsafe-deserialisation', 'Marshal.load(cookies[:a])'],
      ['weak-hash', 'Digest::MD5.hexdigest(x)'],
    ],
    good: [
      'User.where("name = ?", params[:name])',
      'User.where(name: params[:name].to_i)',
      'system("convert", params[:file])',
      'User.find(params[:id])',
      'Digest::SHA256.hexdigest(x)',
    ],
  },
  {
    language: 'C#',
    path: 'A.cs',
    wrap: (code: string) =>
      `class A : Controller {\nIActionResult H([FromQuery] string name, [FromQuery] int n) {\n${code}\n} }`,
    line: 3,
    bad: [
      ['sql-injection', 'var c = new SqlCommand("SELECT " + name, conn);'],
      ['sql-injection', 'var q = $"SELECT {Request.Query["a"]}"; cmd.CommandText = q;'],
      ['command-injection', 'Process.Start(name);'],
      ['path-traversal', 'File.ReadAllText("/data/" + name);'],
      ['open-redirect', 'return Redirect(name);'],
      ['weak-hash', 'MD5.Create();'],
    ],
    good: [
      'var c = new SqlCommand("SELECT @n", conn); c.Parameters.AddWithValue("@n", name);',
      'var c = new SqlCommand("SELECT " + n, conn);',
      'File.ReadAllText(Path.Combine("/data", Path.GetFileName(name)));',
      'if (!Url.IsLocalUrl(name)) { return BadRequest(); } return Redirect(name);',
    ],
  },
])('$language', ({ path, wrap, line, bad, good }) => {
  it.each(bad as [string, string][])('finds %s: %s', async (rule, code) => {
    expect(await found(path, wrap(code))).toContainEqual(
      expect.stringMatching(new RegExp(`/${rule}:${line}$`)),
    )
  })
  it.each(good)('is silent: %s', async (code) => expect(await found(path, wrap(code))).toEqual([]))
})

it('follows a value into a function of another file, and shows the way', async () => {
  const [finding, ...more] = await check({
    'a.go':
      'package a\nfunc h(w http.ResponseWriter, r *http.Request) {\n  id := r.FormValue("id")\n  load(db, id)\n}',
    'b.go':
      'package a\nimport "database/sql"\nfunc load(db *sql.DB, id string) {\n  db.Query("SELECT " + id)\n}',
  })
  expect(more).toEqual([])
  expect(finding).toMatchObject({
    rule: 'value-flow/sql-injection',
    cwe: 'CWE-89',
    location: { path: 'a.go', line: 4 },
  })
  expect(finding?.path.map((step) => [step.location.line, step.message])).toEqual([
    [3, 'comes from the request'],
    [3, 'kept as id'],
    [4, 'passed to load'],
    [4, 'becomes part of an SQL statement'],
  ])
})

it.each([
  ['a.sh', 'curl https://example.com/x | sudo bash', ['patterns/piped-to-shell:1']],
  [
    'a.sh',
    'eval "$1"\nchmod -R 777 /srv\ncurl -sk https://x.example',
    ['patterns/shell-eval:1', 'patterns/world-writable:2', 'patterns/unverified-download:3'],
  ],
  [
    'a.sh',
    'echo "curl x | sh"\n# chmod 777 x\ncurl -o f https://x.example && sha256sum -c f.sum && sh f',
    [],
  ],
  [
    'Dockerfile',
    'FROM node:24\nENV API_KEY=abcdef123456\nRUN curl -fsSL https://x.example/i.sh | sh\nCMD ["node", "x"]',
    ['patterns/image-secret:2', 'patterns/piped-to-shell:3', 'patterns/image-root:4'],
  ],
  [
    'Dockerfile',
    'FROM node:24\nARG TOKEN\nENV TOKEN=$TOKEN PASSWORD_FILE=\nRUN apt-get update \\\n  && apt-get install -y curl\nUSER node\nCMD ["node"]',
    [],
  ],
])('scripts: %s %#', async (path, text, expected) => expect(await found(path, text)).toEqual(expected))

it('survives what is not the language', async () => {
  for (const path of ['a.go', 'A.java', 'a.php', 'a.rb', 'A.cs', 'a.sh', 'Dockerfile'])
    for (const text of [
      '',
      '}}}{{{',
      '\0\u0001'.repeat(500),
      '('.repeat(5_000),
      `x = ${'a + '.repeat(4_000)}1`,
    ])
      expect(await check({ [path]: text })).toEqual([])
})
