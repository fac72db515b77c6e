import { Dialog } from '../../parts/dialog.tsx'
import { Checkbox } from '../../parts/field.tsx'
import { useShortcutsEnabled } from '../../parts/shortcuts.ts'
import { KEYS } from './inbox-keys.ts'

export function HelpDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const [enabled, setEnabled] = useShortcutsEnabled()
  return (
    <Dialog open={open} onClose={onClose} title="Keys of the inbox">
      <dl className="help-keys">
        {KEYS.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Checkbox
        label="Shortcuts of one key"
        checked={enabled}
        onChange={(event) => setEnabled(event.target.checked)}
      />
      <p className="soft small">
        Switched off, everything is still there by Tab, Enter and, within the list, the arrow keys. This
        browser remembers it.
      </p>
    </Dialog>
  )
}
