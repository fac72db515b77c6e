/** What keeps a check of code from being made as it was asked for: a sentence for people. No finding, no fault of Belay. */
export class CheckProblem extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options)
    this.name = 'CheckProblem'
  }
}
