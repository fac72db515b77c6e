import type { FastifyReply } from 'fastify'
import { pageHeaders } from './page-headers.ts'

const STYLE = `:root{color-scheme:light dark}
body{margin:0;min-height:100dvh;display:grid;place-items:center;background:light-dark(#f6f6f4,#131518);color:light-dark(#1b1d20,#e8eaed);font:15px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;width:min(25rem,calc(100vw - 2rem));padding:1.5rem 2rem 1.75rem;border:1px solid light-dark(#dededa,#30353b);border-radius:12px;background:light-dark(#fff,#1b1e22)}
h1{margin:0 0 .5rem;font-size:1.35rem}p{margin:.5rem 0}code{font-size:.93em}a{color:light-dark(#0b6b63,#5cc8bb)}`

/** The token is after the #, which no server, log or referrer ever sees, and it is taken out of the history. */
const SCRIPT = `const say = (text) => { document.querySelector('[role=status]').textContent = text }
const token = location.hash.slice(1)
history.replaceState(null, '', location.pathname + location.search)
if (token !== '') {
  say('Logging in …')
  fetch('/v1/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  }).then(async (answer) => {
    const body = await answer.json()
    if (!answer.ok) return say(body.detail)
    say('Logged in as ' + body.by + '.')
    location.replace(document.body.dataset.to)
  }).catch(() => say('Belay does not answer.'))
}`

/** Where log-in links lead; the console's own page takes over from here. */
export function sendLoginPage(
  reply: FastifyReply,
  { to, oidc }: { readonly to: string; readonly oidc: boolean },
): FastifyReply {
  const elsewhere = oidc
    ? `<p><a href="/v1/login/oidc?to=${encodeURIComponent(to)}">Log in with your organisation</a></p>`
    : ''
  return send(
    reply,
    200,
    `<body data-to="${escapeHtml(to)}"><main><h1>Belay</h1><p role="status">Log in with a link from <code>belay login</code>.</p>
${elsewhere}</main><script>${SCRIPT}</script></body>`,
    [SCRIPT],
  )
}

/**
 * Leads on from the identity provider's redirect. A redirect of ours would still be its navigation, on which browsers
 * do not send cookies of `SameSite=Strict`; a page's own is not.
 */
export function sendOnwardPage(reply: FastifyReply, to: string): FastifyReply {
  const path = escapeHtml(to)
  return send(
    reply,
    200,
    `<body><main><p>You are logged in. <a href="${path}">Go on</a></p></main></body>`,
    [],
    `<meta http-equiv="refresh" content="0;url=${path}">`,
  )
}

export function sendRefusedPage(reply: FastifyReply, status: number, sentence: string): FastifyReply {
  return send(
    reply,
    status,
    `<body><main><h1>Belay</h1><p role="alert">${escapeHtml(sentence)}</p>
<p><a href="/login">Try again</a></p></main></body>`,
    [],
  )
}

function send(
  reply: FastifyReply,
  status: number,
  body: string,
  scripts: readonly string[],
  head = '',
): FastifyReply {
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Belay</title>
<meta name="viewport" content="width=device-width">${head}<style>${STYLE}</style></head>${body}</html>`
  return reply
    .code(status)
    .headers(pageHeaders({ scripts, styles: [STYLE] }))
    .send(page)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
