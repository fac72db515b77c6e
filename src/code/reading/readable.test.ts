import { expect, test } from 'vitest'
import { whyUnreadable } from './readable.ts'

const JQUERY = '/*!\n * jQuery JavaScript Library v3.5.1\n * https://jquery.com/\n */\n( function() {} )()\n'

test.each([
  ['static/jquery/jquery.js', JQUERY, 'it is a copy of a library'],
  [
    'app/public/js/bootstrap-3.4.1.js',
    '// Bootstrap, licensed under MIT\nvar a = 1\n',
    'it is a copy of a library',
  ],
  // A library's own repository, and own code beside copies.
  ['src/jquery.js', JQUERY, null],
  ['public/js/app.js', JQUERY, null],
  ['public/js/jquery.js', 'export const run = () => eval(location.hash)\n', null],
  ['public/app.min.js', 'run()\n', 'it is minified'],
  ['api/user_pb2.py', 'run()\n', 'it is generated'],
  ['data.bin', 'a\u0000b', 'it is not text'],
])('%s', (path, text, why) => expect(whyUnreadable(path, text)).toBe(why))
