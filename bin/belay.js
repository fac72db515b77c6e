#!/usr/bin/env node
// Any Node since 12 must be able to parse this file, so that an old one can say what is needed.
'use strict'

var fs = require('fs')
var path = require('path')

var REQUIRED = 24
var root = path.dirname(__dirname)

// A hook answers within milliseconds: it starts no second process and loads no command line.
if (process.argv[2] === 'hook' && !/^(?:install|uninstall|help|-.*)?$/.test(process.argv[3] || ''))
  require('./belay-hook.js').runHook(process.argv.slice(3))
else if (major(process.versions.node) >= REQUIRED) runCommandLine()
else runOnBundledNode()

function major(version) {
  return parseInt(version.split('.')[0], 10)
}

function runCommandLine() {
  delete process.env.BELAY_RELAUNCHED
  keepCompiled()
  var source = path.join(root, 'src', 'entry', 'cli', 'main.ts')
  var entry = fs.existsSync(source) ? source : path.join(root, 'dist', 'entry', 'cli', 'main.js')
  import(require('url').pathToFileURL(entry).href)
    .then(function (module) {
      return module.main(process.argv)
    })
    .then(
      function (code) {
        process.exitCode = code
        return code
      },
      function (error) {
        process.stderr.write('belay: ' + (error && error.stack ? error.stack : String(error)) + '\n')
        process.exitCode = 2
      },
    )
}

// Compiling its modules is a third of a start. What was compiled is kept in a folder that only its user can write: in a
// shared one, others could leave code there.
function keepCompiled() {
  try {
    var home = process.env.XDG_CACHE_HOME || path.join(require('os').homedir(), '.cache')
    require('module').enableCompileCache(path.join(home, 'belay', 'compiled'))
  } catch (error) {
    // Without a home, or on a Node that cannot: each start compiles.
    return error
  }
}

function runOnBundledNode() {
  var node = bundledNode()
  // The variable ends a chain of launchers, should the bundled program be too old itself.
  if (node === undefined || process.env.BELAY_RELAUNCHED === '1') {
    process.stderr.write(
      'belay needs Node ' +
        REQUIRED +
        ' or newer; this is ' +
        process.version +
        ', and no newer one is bundled.\n' +
        'Install Node ' +
        REQUIRED +
        ' (https://nodejs.org), or add it to the project: npm install --save-exact node@24.21.0\n',
    )
    process.exitCode = 2
    return
  }

  var env = Object.assign({}, process.env, { BELAY_RELAUNCHED: '1' })
  var child = require('child_process').spawn(node, [__filename].concat(process.argv.slice(2)), {
    stdio: 'inherit',
    env: env,
  })
  var signals =
    process.platform === 'win32' ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
  signals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    process.stderr.write('belay: cannot run the bundled Node ' + node + ': ' + error.message + '\n')
    process.exitCode = 2
  })
  child.on('exit', function (code, signal) {
    if (signal === null) {
      process.exit(code)
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

function bundledNode() {
  var names = process.platform === 'win32' ? ['node/bin/node.exe'] : ['node/bin/node']
  for (var i = 0; i < names.length; i++) {
    try {
      return require.resolve(names[i])
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}
