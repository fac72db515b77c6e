import { useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { say } from '../../parts/toast.tsx'

/** A secret that is shown this once, with a button that copies it. */
export function SecretOnce({ secret, label }: { readonly secret: string; readonly label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(secret)
      setCopied(true)
      say('Copied.')
    } catch {
      // Without https browsers keep the clipboard shut; the text selects itself with one click.
      say('This browser does not let the page copy: select the text and copy it.')
    }
  }
  return (
    <div className="settings-secret">
      <code aria-label={label}>{secret}</code>
      <Button onClick={() => void copy()}>{copied ? 'Copied' : 'Copy'}</Button>
    </div>
  )
}
