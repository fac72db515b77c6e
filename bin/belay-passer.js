// Started inside the network namespace of a sandbox, before anything of the agent: listens where its programs will
// connect, hands the sockets to the harness over IPC, and ends when the harness has them. It runs outside of the
// sandbox, so it reads nothing but that channel; an agent starts as fast as this file, so it loads three modules.
'use strict'

var net = require('net')
var dgram = require('dgram')
var fs = require('fs')

var FAILED = 94

function fail(error) {
  process.stderr.write('the sockets of the sandbox cannot be handed over: ' + error.message + '\n')
  process.exit(FAILED)
}

function listen(port, host) {
  return new Promise(function (resolve, reject) {
    var server = net.createServer()
    server.once('error', reject)
    // So many that a burst of connections is not refused while the harness is busy.
    server.listen({ port: port, host: host, backlog: 1024 }, function () {
      resolve(server)
    })
  })
}

function bind(port, host) {
  return new Promise(function (resolve, reject) {
    var socket = dgram.createSocket('udp4')
    socket.once('error', reject)
    socket.bind({ port: port, address: host }, function () {
      resolve(socket)
    })
  })
}

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
process.on('disconnect', function () {
  process.exit(FAILED)
})
// A harness that is killed while a handle is on its way over the channel leaves `disconnect` unsaid: the shell that
// waits for this process has another parent then.
function harness() {
  try {
    return fs
      .readFileSync('/proc/' + process.ppid + '/stat', 'latin1')
      .split(') ')
      .pop()
      .split(' ')[1]
  } catch {
    return 'none'
  }
}
var own = harness()
setInterval(function () {
  if (harness() !== own) process.exit(FAILED)
}, 200)

process.on('message', function (message) {
  if (message === 'taken') process.exit(0)
})

Promise.all([
  listen(443, '0.0.0.0'),
  listen(80, '0.0.0.0'),
  listen(3128, '127.0.0.1'),
  bind(53, '127.0.0.1'),
]).then(function (sockets) {
  var names = ['https', 'http', 'proxy', 'dns']
  sockets.forEach(function (socket, index) {
    process.send(names[index], socket, undefined, function (error) {
      if (error) fail(error)
    })
  })
}, fail)
