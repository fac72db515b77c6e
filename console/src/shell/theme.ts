export type Theme = 'system' | 'light' | 'dark'

const STORED = 'belay-theme'

/** As `public/assets/theme.js` reads it before the first paint. */
export function storedTheme(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    if (theme === 'system') localStorage.removeItem(STORED)
    else localStorage.setItem(STORED, theme)
  } catch {
    // It holds for this page then.
  }
}
