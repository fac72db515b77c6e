import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { checkProject } from '../check-project.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-python-entries-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `[what, file, the rule of each line that ends with "# !"]` */
const CASES: readonly (readonly [string, string, ...string[]])[] = [
  [
    'tools of FastMCP',
    `import subprocess
from mcp.server.fastmcp import Context, FastMCP
mcp = FastMCP('net')
@mcp.tool()
def ping(host: str, count: int, ctx: Context) -> str:
    subprocess.check_output(f'ping -c {count} {ctx.request_id} x', shell=True)
    return subprocess.check_output(f'ping -c {count} {host}', shell=True).decode() # !
@mcp.resource('notes://{user}')
def note(user: str) -> str:
    return open('/data/' + user).read() # !
`,
    'command-injection',
    'path-traversal',
  ],
  [
    'the one function of a plain MCP server',
    `import sqlite3
from mcp.server import Server
server = Server('db')
@server.call_tool()
async def call_tool(name: str, arguments: dict):
    return sqlite3.connect('a').execute('SELECT * FROM t WHERE id = ' + arguments['id']).fetchall() # !
`,
    'sql-injection',
  ],
  [
    'tools of LangChain and of the Agents SDK',
    `import os, requests
from langchain_core.tools import tool
from agents import function_tool
@tool
def run(command: str) -> str:
    return os.popen(command).read() # !
@function_tool
def fetch(url: str) -> str:
    return requests.get(url).text # !
`,
    'command-injection',
    'request-forgery',
  ],
  [
    'resolvers of Graphene and Strawberry',
    `import graphene, os, strawberry
class Import(graphene.Mutation):
    def mutate(self, info, host, port=443):
        os.system(f'curl {host}:{port}') # !
class Query(graphene.ObjectType):
    def resolve_user(self, info, name):
        return db.session.execute(f"SELECT * FROM users WHERE name = '{name}'") # !
@strawberry.type
class Files:
    @strawberry.field
    def files(self, folder: str) -> str:
        return os.popen('ls ' + folder).read() # !
`,
    'command-injection',
    'sql-injection',
    'command-injection',
  ],
  [
    "handlers of Python's own server and of Tornado",
    `import os, tornado.web
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlparse, parse_qs
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = parse_qs(urlparse(self.path).query).get('name', [''])[0]
        os.system('echo ' + name) # !
        self.wfile.write(('<p>' + name + '</p>').encode()) # !
        self.wfile.write(b'<p>ok</p>')
    def do_POST(self):
        os.system('echo ' + self.rfile.read(10).decode()) # !
class Main(tornado.web.RequestHandler):
    def get(self):
        os.system('ls ' + self.get_argument('folder')) # !
`,
    'command-injection',
    'cross-site-scripting',
    'command-injection',
    'command-injection',
  ],
  [
    'views of Django that are classes',
    `from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import connection
from django.views import View
from django.views.generic import ListView
class Shown(LoginRequiredMixin, View):
    def get(self, request, slug):
        connection.cursor().execute("SELECT * FROM t WHERE s = '%s'" % slug) # !
        connection.cursor().execute('SELECT * FROM t WHERE s = %s', [slug])
class Listed(ListView):
    def get_queryset(self):
        return Item.objects.raw("SELECT * FROM t WHERE s = '%s'" % self.request.GET.get('q')) # !
`,
    'sql-injection',
    'sql-injection',
  ],
  [
    'events of functions in the cloud, sockets, forms of Streamlit and Gradio',
    `import json, os, socket, gradio as gr, streamlit as st
def lambda_handler(event, context):
    os.system('ls ' + json.loads(event['body'])['folder']) # !
connection, _ = socket.socket().accept()
os.system(connection.recv(100).decode()) # !
os.system('ls ' + st.text_input('Folder')) # !
def listed(folder):
    return os.popen('ls ' + folder).read() # !
gr.Interface(fn=listed, inputs='text', outputs='text').launch()
`,
    'command-injection',
    'command-injection',
    'command-injection',
    'command-injection',
  ],
  [
    "fields of Pydantic's models, by their types",
    `import os
from enum import Enum
from fastapi import FastAPI
from pydantic import BaseModel, Field
app = FastAPI()
class Kind(str, Enum):
    all = 'all'
class Base(BaseModel):
    folder: str
class ListRequest(Base):
    depth: int | None = None
    kind: Kind
    code: str = Field(pattern=r'^[a-z]+$')
@app.post('/list')
async def listed(body: ListRequest):
    os.system(f'ls {body.depth} {body.kind} {body.code}')
    os.system(f'ls {body.folder}') # !
    os.system('ls ' + body.model_dump()['folder']) # !
`,
    'command-injection',
    'command-injection',
  ],
]

const found = new Map<string, string[]>()
for (const { finding } of (
  await checkProject(folder, {
    contents: new Map(CASES.map(([, text], index) => [`case${index}.py`, text])),
    rules: ['value-flow/*'],
  })
).findings) {
  const { path, line } = finding.location
  found.set(path, [...(found.get(path) ?? []), `${line} ${finding.rule.slice('value-flow/'.length)}`])
}

it.each(CASES.map(([what], index) => [what, index] as const))('follows %s', (_, index) => {
  const [, text, ...rules] = CASES[index]!
  const lines = text.split('\n').flatMap((line, at) => (line.endsWith('# !') ? [at + 1] : []))
  expect((found.get(`case${index}.py`) ?? []).toSorted((a, b) => parseInt(a) - parseInt(b))).toEqual(
    lines.map((line, at) => `${line} ${rules[at]}`),
  )
})
