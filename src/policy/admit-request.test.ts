import { describe, expect, it } from 'vitest'
import { hostMatches, pathMatches } from './admit-request.ts'

describe('hosts', () => {
  it.each([
    ['api.github.com', 'api.github.com', true],
    ['api.github.com', 'api.github.com.evil.test', false],
    ['api.github.com', 'xapi.github.com', false],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'evilexample.com', false],
    ['*.example.com', 'a.example.com.evil.test', false],
    ['api-*.example.com', 'api-1.example.com', true],
    ['api-*.example.com', 'api-1.x.example.com', false],
    ['*', 'anything.test', true],
  ])('%s, %s: %s', (pattern, host, fits) => {
    expect(hostMatches(pattern.split('.'), host)).toBe(fits)
  })
})

describe('paths', () => {
  it.each([
    ['/repos/**', '/repos/a/b', true],
    ['/repos/**', '/repos/', true],
    ['/repos/**', '/repos', false],
    ['/repos/*', '/repos/a', true],
    ['/repos/*', '/repos/a/b', false],
    ['/repos/*/issues', '/repos/a/issues', true],
    ['/repos/*/issues', '/repos/a/b/issues', false],
    ['/repos/**/issues', '/repos/a/b/issues', true],
    ['/repos/**/issues', '/repos/a/b/pulls', false],
    ['/a*c', '/abc', true],
    ['/a*c', '/a/c', false],
    ['/**/x/*', '/1/2/x/3', true],
    ['/**/x/*', '/1/2/x/3/4', false],
    ['/exact', '/exact', true],
    ['/exact', '/exact/', false],
  ])('%s, %s: %s', (pattern, path, fits) => {
    expect(pathMatches(pattern, path)).toBe(fits)
  })

  it('takes no longer than pattern times path', () => {
    const begun = performance.now()
    expect(pathMatches(`/${'*a'.repeat(200)}**b`, `/${'a'.repeat(4_000)}`)).toBe(false)
    expect(performance.now() - begun).toBeLessThan(2_000)
  })
})
