import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Site {
  readonly host: string
  readonly url: string
  /** What was asked of it, as `METHOD /path`. */
  readonly requests: string[]
  /** Bodies of forms, by path. */
  readonly sent: Record<string, string[]>
  close(): Promise<void>
}

const page = (title: string, body: string): string =>
  `<!doctype html><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${body}`

const PAGES: Readonly<Record<string, string>> = {
  '/login': page(
    'Log in',
    `<form method="post" action="/login"><label>Name <input name="user"></label>
     <label>Password <input name="pass" type="password"></label><button>Log in</button></form>`,
  ),
  '/notes': page(
    'Notes',
    `<button onclick="keep()">Keep</button><p id="kept"></p><p id="db"></p><script>
     const open = () => new Promise((done) => { const ask = indexedDB.open('notes', 1)
       ask.onupgradeneeded = () => ask.result.createObjectStore('notes'); ask.onsuccess = () => done(ask.result) })
     async function keep() { localStorage.setItem('note', 'in the storage')
       const db = await open(); const write = db.transaction('notes', 'readwrite')
       write.objectStore('notes').put('in the database', 'note'); write.oncomplete = show }
     async function show() { kept.textContent = localStorage.getItem('note') ?? 'nothing'
       const db = await open(); const ask = db.transaction('notes').objectStore('notes').get('note')
       ask.onsuccess = () => (document.querySelector('#db').textContent = ask.result ?? 'nothing') }
     show()</script>`,
  ),
  '/tools': page(
    'Tools',
    `<form method="post" action="/remove"><button>Remove everything</button></form>
     <button onclick="if (confirm('Really?')) fetch('/confirmed', { method: 'POST' })">Ask me</button>
     <a href="/file">Get the file</a> <a href="/notes" target="_blank">New window</a>
     <a href="/away">Away</a> <a href="/to-file">To a file</a> <a href="/to-source">To the source of a file</a> <button class="twin">Twin</button> <button class="twin">Twin</button>
     <label>Colour <select name="colour"><option>red</option><option>blue</option></select></label>
     <label>Upload <input type="file" name="file"></label>
     <button id="shifty" onmouseover="">Shifty</button>
     <script>document.querySelector('input[type=file]').onchange = async (event) => fetch('/uploaded',
       { method: 'POST', body: await event.target.files[0].text() })</script>`,
  ),
  '/abroad': page(
    'Abroad',
    `<script>
     for (const address of ['http://abroad.test/pixel', 'http://127.0.0.1:9/port', 'file:///etc/passwd'])
       fetch(address).catch(() => 0)
     try { new WebSocket('ws://abroad.test/') } catch {}</script><p>done</p>`,
  ),
}

/** A site with log-in by cookie, forms, storage and downloads, on a port of its own. */
export async function startSite(): Promise<Site> {
  const requests: string[] = []
  const sent: Record<string, string[]> = {}
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(`${request.method} ${path}`)
    const cookie = request.headers.cookie ?? ''
    const html = (text: string, head: Record<string, string> = {}): void => {
      response.writeHead(200, { 'content-type': 'text/html', ...head }).end(text)
    }
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      if (request.method === 'POST') (sent[path] ??= []).push(body)
      const user = /user=([a-z]+)/.exec(body)?.[1] ?? 'nobody'
      if (path === '/login' && request.method === 'POST')
        return response
          .writeHead(303, {
            location: '/account',
            'set-cookie': [`sid=${user}; Path=/; HttpOnly; Max-Age=86400`, 'seen=1; Path=/'],
          })
          .end()
      if (path === '/account') {
        const who = /sid=([a-z]+)/.exec(cookie)?.[1]
        return html(page('Account', `<p id="who">${who === undefined ? 'a stranger' : `hello ${who}`}</p>`))
      }
      if (path === '/remove') return html(page('Removed', '<p>All is gone.</p>'))
      if (path === '/file')
        return response
          .writeHead(200, { 'content-disposition': 'attachment; filename="a file.txt"' })
          .end('the content')
      if (path === '/to-file') return response.writeHead(302, { location: 'file:///etc/passwd' }).end()
      if (path === '/to-source')
        return response.writeHead(302, { location: 'view-source:file:///etc/passwd' }).end()
      if (path === '/away') return response.writeHead(302, { location: 'http://abroad.test/' }).end()
      return html(PAGES[path] ?? page('Nothing', ''))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    requests,
    sent,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
