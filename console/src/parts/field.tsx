import { createContext, useContext, useId } from 'react'
import type { InputHTMLAttributes, ReactNode, Ref, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react'
import { classes } from './class-names.ts'
import './field.css'

const FieldContext = createContext<{ id: string; describedBy: string | undefined; invalid: boolean } | null>(
  null,
)

/** A label, one control inside it, and what there is to say about it. */
export function Field({
  label,
  help,
  error,
  hideLabel = false,
  children,
}: {
  readonly label: string
  readonly help?: ReactNode
  readonly error?: ReactNode
  readonly hideLabel?: boolean
  readonly children: ReactNode
}) {
  const id = useId()
  const told = [help !== undefined && `${id}-help`, error !== undefined && `${id}-error`].filter(
    (each) => each !== false,
  )
  return (
    <FieldContext
      value={{
        id,
        describedBy: told.length === 0 ? undefined : told.join(' '),
        invalid: error !== undefined,
      }}
    >
      <div className="field">
        <label htmlFor={id} className={hideLabel ? 'unseen' : 'field-label'}>
          {label}
        </label>
        {children}
        {help !== undefined && (
          <p id={`${id}-help`} className="soft small">
            {help}
          </p>
        )}
        {error !== undefined && (
          <p id={`${id}-error`} className="field-error small" role="alert">
            {error}
          </p>
        )}
      </div>
    </FieldContext>
  )
}

function useField(): { id?: string; 'aria-describedby'?: string; 'aria-invalid'?: true } {
  const field = useContext(FieldContext)
  if (field === null) return {}
  return {
    id: field.id,
    ...(field.describedBy === undefined ? {} : { 'aria-describedby': field.describedBy }),
    ...(field.invalid ? { 'aria-invalid': true as const } : {}),
  }
}

export function TextInput({
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { readonly ref?: Ref<HTMLInputElement> }) {
  return <input type="text" {...useField()} {...rest} className={classes('control', className)} />
}

export function TextArea({
  className,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & { readonly ref?: Ref<HTMLTextAreaElement> }) {
  return <textarea {...useField()} {...rest} className={classes('control control-area', className)} />
}

/** The browser's own list: works with every keyboard, reader and phone. */
export function Select({
  options,
  className,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & {
  /** Values, or pairs of value and text. */
  readonly options: readonly (string | readonly [value: string, text: string])[]
}) {
  return (
    <select {...useField()} {...rest} className={classes('control control-select', className)}>
      {options.map((option) => {
        const [value, text] = typeof option === 'string' ? [option, option] : option
        return (
          <option key={value} value={value}>
            {text}
          </option>
        )
      })}
    </select>
  )
}

/** `type="radio"` makes it one of several with the same `name`. */
export function Checkbox({
  label,
  className,
  type = 'checkbox',
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> & {
  readonly label: ReactNode
  readonly type?: 'checkbox' | 'radio'
}) {
  return (
    <label className={classes('checkbox', className)}>
      <input type={type} {...rest} />
      <span>{label}</span>
    </label>
  )
}
