#!/usr/bin/env node
// The hook that coding agents start before every tool: hands the event to the running harness and prints its answer.
// It starts dozens of times a minute, so it loads node:net and nothing else (node:http
// takes twice as long to load), and runs on Node 20 and newer as it is.
// Whatever goes wrong ends in exit code 2, which the agents take for a refusal.
'use strict'

var fs = require('fs')
var net = require('net')
var path = require('path')

var ANSWER_MS = 10000
var MAX_EVENT = 8 * 1024 * 1024

function runHook(argv) {
  var options
  try {
    options = readOptions(argv)
    options.server = findServer(options)
  } catch (error) {
    return refuse(options, error.message)
  }
  var parts = []
  var size = 0
  process.stdin.on('data', function (part) {
    size += part.length
    if (size > MAX_EVENT) refuse(options, 'the event is too large')
    parts.push(part)
  })
  process.stdin.on('error', function (error) {
    refuse(options, error.message)
  })
  process.stdin.on('end', function () {
    send(options, Buffer.concat(parts))
  })
}

function readOptions(argv) {
  var options = {
    kind: argv[0],
    data: undefined,
    agent: undefined,
    approver: undefined,
    wait: 0,
    unreachable: 'deny',
  }
  for (var i = 1; i < argv.length; i += 2) {
    var name = argv[i].replace(/^--/, '')
    if (!Object.prototype.hasOwnProperty.call(options, name) || name === 'kind' || argv[i + 1] === undefined)
      throw new Error('unknown option ' + argv[i] + ' (--data, --agent, --wait, --approver, --unreachable)')
    options[name] = argv[i + 1]
  }
  if (!/^[a-z-]{1,40}$/.test(options.kind || ''))
    throw new Error('say which agent, such as belay hook claude-code')
  if (!/^\d{1,4}$/.test(String(options.wait))) throw new Error('--wait takes seconds')
  return options
}

function findServer(options) {
  var found = options.data === undefined ? undefined : serverOf(path.resolve(options.data))
  if (found !== undefined) return found
  if (process.env.BELAY_URL) {
    if (!process.env.BELAY_TOKEN) throw new Error('BELAY_URL is set and BELAY_TOKEN is not')
    return { url: process.env.BELAY_URL, token: process.env.BELAY_TOKEN }
  }
  var nearest = options.data === undefined ? nearestData(process.cwd()) : undefined
  found = nearest === undefined ? undefined : serverOf(nearest)
  if (found === undefined) throw new Error('no harness is running here. Start one with `belay up`')
  return found
}

function serverOf(folder) {
  var server = readIfThere(path.join(folder, 'server.json'))
  var token = readIfThere(path.join(folder, 'admin.token'))
  if (server === undefined || token === undefined) return undefined
  return { url: JSON.parse(server).url, token: token.trim() }
}

/** Agents work in folders below the one where the harness was started. */
function nearestData(from) {
  for (var folder = from; ; folder = path.dirname(folder)) {
    var data = path.join(folder, '.belay')
    if (fs.existsSync(path.join(data, 'server.json'))) return data
    if (folder === path.dirname(folder)) return undefined
  }
}

function readIfThere(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function send(options, event) {
  var url = new URL('/v1/hooks/' + options.kind, options.server.url)
  for (var name of ['agent', 'wait', 'approver'])
    if (options[name] !== undefined) url.searchParams.set(name, options[name])
  var secure = url.protocol === 'https:'
  var port = Number(url.port) || (secure ? 443 : 80)
  var host = url.hostname.replace(/^\[|\]$/g, '')
  var place = { host: host, port: port, servername: net.isIP(host) ? '' : host }
  var socket = secure ? require('tls').connect(place) : net.connect(place)
  var parts = []
  socket.on('data', function (part) {
    parts.push(part)
  })
  socket.on('end', function () {
    var answer = Buffer.concat(parts)
    var end = answer.indexOf('\r\n\r\n')
    var head = answer.toString('latin1', 0, Math.max(end, 0))
    var status = /^HTTP\/1\.1 (\d{3}) /.exec(head)
    var length = /\r\ncontent-length: *(\d+)/i.exec(head)
    if (status === null || length === null || Number(length[1]) !== answer.length - end - 4)
      return refuse(options, 'the harness answered nonsense')
    finish(options, Number(status[1]), answer.toString('utf8', end + 4))
  })
  socket.on('error', function (error) {
    refuse(
      options,
      'the harness at ' +
        options.server.url +
        ' does not answer (' +
        (error.code || error.message) +
        '). Start it with `belay up`',
    )
  })
  setTimeout(
    function () {
      refuse(options, 'the harness did not answer in time')
    },
    ANSWER_MS + Number(options.wait) * 1000,
  ).unref()
  if (/[\r\n]/.test(options.server.token)) return refuse(options, 'the token holds line breaks')
  // The harness sends its answers whole, with a length; the connection ends after it.
  socket.write(
    [
      'POST ' + url.pathname + url.search + ' HTTP/1.1',
      'Host: ' + url.host,
      'Authorization: Bearer ' + options.server.token,
      'Content-Type: application/json',
      'Content-Length: ' + event.length,
      'Connection: close',
      '',
      '',
    ].join('\r\n'),
  )
  socket.write(event)
}

/** An answer begins with a line of the harness's own: what another server says on its port is no permission. */
function finish(options, status, text) {
  if (status !== 200) return refuse(options, whatFailed(text) || 'the harness answered ' + status)
  if (!text.startsWith('belay\n')) return refuse(options, 'the harness answered nonsense')
  fs.writeSync(1, text.slice(6))
  process.exit(0)
}

function whatFailed(problem) {
  try {
    var read = JSON.parse(problem)
    return read.detail || read.title
  } catch (error) {
    return 'the harness answered nonsense: ' + error.message
  }
}

function refuse(options, why) {
  var reason = 'Belay cannot be asked, so this must not run: ' + why.replace(/\.$/, '') + '.'
  if (options !== undefined && options.unreachable === 'ask' && options.kind === 'claude-code') {
    fs.writeSync(
      1,
      JSON.stringify({
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'ask',
          permissionDecisionReason: reason,
        },
      }) + '\n',
    )
    process.exit(0)
  }
  if (options !== undefined && options.unreachable === 'ask' && options.kind === 'cursor') {
    fs.writeSync(1, JSON.stringify({ permission: 'ask', user_message: reason, agent_message: reason }) + '\n')
    process.exit(0)
  }
  fs.writeSync(2, reason + '\n')
  process.exit(2)
}

module.exports = { runHook: runHook }
if (require.main === module) runHook(process.argv.slice(2))
