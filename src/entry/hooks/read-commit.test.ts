import { expect, it } from 'vitest'
import { readCommit } from './read-commit.ts'

const staged = { foreseen: true, folder: '/p', everything: false }
const everything = { ...staged, everything: true }

it.each([
  ['git commit -m x', staged],
  ['git commit --amend --no-edit --no-verify', staged],
  ['git commit -m "all of it" && git push', staged],
  ['git commit -m "$(cat <<\'EOF\'\nfeat: -a\n\nmore\nEOF\n)"', staged],
  ['cd /p && git status && git commit -F note.txt', staged],
  ['cd sub && git commit -m x', { ...staged, folder: '/p/sub' }],
  ['git -C /q commit -m x', { ...staged, folder: '/q' }],
  ['git add -A && git commit -m x', everything],
  ['git commit -am x', everything],
  ['git commit --all', everything],
  ['git commit -m x app.py', everything],
  ['git commit -m x -- app.py', everything],
  ["bash -c 'git commit -qam x'", null],
])('%s', (command, commit) => {
  const read = readCommit(command, '/p')
  if (commit === null) expect(read?.foreseen).toBe(false)
  else expect(read).toEqual(commit)
})

it.each([
  'echo "eval(x)" > app.py && git add app.py && git commit -m x',
  'python3 generate.py && git commit -am x',
  'git stash pop && git commit -am x',
  'git apply x.patch && git commit -am x',
  'git --git-dir=/q/.git commit -m x',
  'GIT_DIR=/q/.git git commit -m x',
  'cd "$WHERE" && git commit -m x',
  'cd - && git commit -m x',
  'git commit -m "unclosed',
])('nobody can say what this commits: %s', (command) =>
  expect(readCommit(command, '/p')).toMatchObject({ foreseen: false }),
)

it.each(['git log', 'git commit-tree x', 'echo git commit', 'npm test', 'grep -r commit .'])(
  'this commits nothing: %s',
  (command) => expect(readCommit(command, '/p')).toBeNull(),
)
