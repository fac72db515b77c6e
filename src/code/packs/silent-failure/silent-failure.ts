import { packOf } from '../rule.ts'
import { ANSWER_BEFORE_WRITE } from './answer-before-write.ts'
import { DISCARDED_REJECTION } from './discarded-rejection.ts'
import { FLOATING_PROMISE } from './floating-promise.ts'
import { IGNORED_CALLBACK_ERROR } from './ignored-callback-error.ts'
import { PARTIAL_TRANSACTION } from './partial-transaction.ts'
import { PERMISSION_FALLBACK } from './permission-fallback.ts'
import { SUCCESS_AFTER_FAILURE } from './success-after-failure.ts'
import { SWALLOWED_ERROR } from './swallowed-error.ts'
import { UNAWAITED_COROUTINE } from './unawaited-coroutine.ts'
import { UNCHECKED_RESPONSE } from './unchecked-response.ts'
import { UNCHECKED_WRITE_RESULT } from './unchecked-write-result.ts'
import { UNHANDLED_ERROR_EVENT } from './unhandled-error-event.ts'

/** What fails without anybody hearing of it, where something is written, paid or allowed. */
export const SILENT_FAILURE = packOf(
  'silent-failure',
  [
    SWALLOWED_ERROR,
    DISCARDED_REJECTION,
    FLOATING_PROMISE,
    IGNORED_CALLBACK_ERROR,
    UNHANDLED_ERROR_EVENT,
    PARTIAL_TRANSACTION,
    ANSWER_BEFORE_WRITE,
    PERMISSION_FALLBACK,
    UNCHECKED_WRITE_RESULT,
    UNCHECKED_RESPONSE,
    SUCCESS_AFTER_FAILURE,
    UNAWAITED_COROUTINE,
  ],
  [SWALLOWED_ERROR, UNAWAITED_COROUTINE],
)
