import { useId, useState } from 'react'
import { Checkbox } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { useShortcutsEnabled } from '../../parts/shortcuts.ts'
import { applyTheme, storedTheme } from '../../shell/theme.ts'
import type { Theme } from '../../shell/theme.ts'

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', "The system's"],
  ['light', 'Light'],
  ['dark', 'Dark'],
]

const KEYS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['J', 'K'], 'the next, the one before, in a list'],
  [['A'], 'approve what is shown'],
  [['R'], 'reject it with a reason'],
  [['X'], 'select it for a batch'],
  [['?'], 'which keys there are, on pages that have some'],
]

/** What this browser remembers, for whoever uses it. */
export function BrowserSection() {
  // The menu of the account asks the same: radios of one name would be one group.
  const name = useId()
  const [theme, setTheme] = useState(storedTheme)
  const [shortcuts, setShortcuts] = useShortcutsEnabled()
  return (
    <div className="stack">
      <Section title="Theme">
        <fieldset className="settings-radios">
          <legend className="unseen">Theme</legend>
          {THEMES.map(([value, text]) => (
            <label key={value}>
              <input
                type="radio"
                name={name}
                value={value}
                checked={theme === value}
                onChange={() => {
                  setTheme(value)
                  applyTheme(value)
                }}
              />
              {text}
            </label>
          ))}
        </fieldset>
      </Section>
      <Section title="Keyboard">
        <div className="stack">
          <Checkbox
            label="Keys of one letter"
            checked={shortcuts}
            onChange={(event) => setShortcuts(event.target.checked)}
          />
          <p className="soft small">
            Switch them off when you speak to your computer, or when they are in your way. In trees and lists
            the arrow keys work all the same.
          </p>
          <dl className="settings-keys">
            {KEYS.map(([keys, does]) => (
              <div key={does} className="settings-key">
                <dt>
                  {keys.map((key, index) => (
                    <span key={key}>
                      {index > 0 && ' '}
                      <kbd>{key}</kbd>
                    </span>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </div>
      </Section>
    </div>
  )
}
