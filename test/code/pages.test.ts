import { describe, expect, test } from 'vitest'
import { VALUE_FLOW } from '../../src/code/packs/value-flow/value-flow.ts'
import { programOf } from './program-of.ts'

const rules = (path: string, text: string): string[] =>
  VALUE_FLOW.run(programOf([{ path, text }])).map(({ rule }) => rule.replace('value-flow/', ''))

const ANGULAR = `import { Component, inject } from '@angular/core'
import { ActivatedRoute } from '@angular/router'
import { DomSanitizer } from '@angular/platform-browser'
`

describe("Angular's sanitiser is told to let through", () => {
  test.each([
    [
      'a query that was injected by its class',
      `@Component({ template: '<p [innerHTML]="html"></p>' })
export class Page {
  private readonly route = inject(ActivatedRoute)
  private readonly sanitizer = inject(DomSanitizer)
  html: unknown
  ngOnInit() { const query: string = this.route.snapshot.queryParams.q; this.html = this.sanitizer.bypassSecurityTrustHtml(query.trim()) }
}`,
      ['cross-site-scripting'],
    ],
    [
      'a query that is waited for',
      `@Component({ template: '' })
export class Page {
  html: unknown
  constructor(private route: ActivatedRoute, private sanitizer: DomSanitizer) {}
  ngOnInit() { this.route.queryParams.subscribe({ next: (query) => { this.html = this.sanitizer.bypassSecurityTrustHtml(query['q']) } }) }
}`,
      ['cross-site-scripting'],
    ],
    [
      'what the page itself says',
      `@Component({ template: '' })
export class Page {
  html: unknown
  title = ''
  constructor(private route: ActivatedRoute, private sanitizer: DomSanitizer) {}
  ngOnInit() { this.title = this.route.snapshot.queryParams.q; this.html = this.sanitizer.bypassSecurityTrustHtml('<b>ok</b>') }
}`,
      [],
    ],
  ])('%s', (_, text, expected) => expect(rules('page.component.ts', ANGULAR + text)).toEqual(expected))
})

const EXPRESS = `const express = require('express')
const { Collection } = require('marsdb')
const reviewsCollection = new Collection('reviews')
const app = express()
app.use(express.json())
`

describe('what views and filters are given', () => {
  test.each([
    ['the body as the values of a view', "res.render('a', req.body)", ['template-injection']],
    ['the body spread into them', "res.render('a', { ...req.body })", ['template-injection']],
    ['a field of it', "res.render('a', { name: req.body.name })", []],
    [
      'a filter of a collection',
      "reviewsCollection.update({ _id: req.body.id }, { $set: { text: 'x' } }, { multi: true })",
      ['nosql-injection'],
    ],
    [
      'conditions of Prisma',
      'prisma.session.deleteMany({ where: { userId: req.body.user } })',
      ['nosql-injection'],
    ],
    ['the filter of a relational model', 'Address.findOne({ where: { id: req.body.id } })', []],
  ])('%s', (_, call, expected) =>
    expect(rules('app.js', `${EXPRESS}app.post('/', (req, res) => { ${call} })`)).toEqual(expected),
  )
})

describe('pages of Python', () => {
  test.each([
    ["Response('<b>' + request.args['m'] + '</b>', 401)", ['cross-site-scripting']],
    ["Response('\"' + request.args['m'] + '\"', 401, mimetype='application/json')", []],
    ["Response(request.args['m'], headers={'Content-Type': 'text/plain'})", []],
    ["Response(request.args['m'], headers={'Content-Type': 'text/html'})", ['cross-site-scripting']],
  ])('%s', (call, expected) =>
    expect(
      rules(
        'app.py',
        `from flask import Flask, Response, request\napp = Flask(__name__)\n\n@app.get('/a')\ndef a():\n    return ${call}\n`,
      ),
    ).toEqual(expected),
  )
})
