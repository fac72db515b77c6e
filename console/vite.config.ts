import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { precompress } from './precompress.ts'

const harness = process.env['BELAY_URL'] ?? 'http://127.0.0.1:7300'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), precompress()],
  build: {
    outDir: resolve(import.meta.dirname, '../dist/console'),
    emptyOutDir: true,
    // As old as `light-dark()` allows.
    target: ['chrome123', 'safari17.5', 'firefox128'],
    // The content security policy lets no data: address in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The licences of what is built in go with it.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Small files compress badly and each is a request. What every page needs is in two: what rarely changes, and
          // our own. Dialogs and charts come when they are needed.
          groups: [
            {
              name: 'vendor',
              test: /node_modules\/(?:react|react-dom|scheduler|@tanstack\/(?!react-virtual|virtual))/,
              priority: 2,
            },
            {
              name: 'shared',
              test: /console\/src\/(?:api|shell|parts\/(?!dialog-frame|chart-canvas)[\w-]+\.\w+$)/,
              priority: 1,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v1': harness, '/login': harness } },
})
