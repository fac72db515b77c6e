import type { InState } from './action.ts'

declare const approved: unique symbol

/** An action that may start now. Only the approve stage makes one (a test holds it to that), and containment takes nothing else. */
export type ApprovedAction = InState<'ready'> & { readonly [approved]: true }
