/** Over what a budget or rate counts. Calendar windows are UTC and start on the hour, at midnight, on Monday, on the first. */
export const BUDGET_WINDOWS = ['session', 'minute', 'hour', 'day', 'week', 'month'] as const

export type BudgetWindow = (typeof BUDGET_WINDOWS)[number]
