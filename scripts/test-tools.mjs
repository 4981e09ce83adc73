// `npm run test:tools`: installs what the tests drive and npm does not bring, on Debian and as root; else it says what
// is missing, and the exit code is 1.
import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program → Debian package. */
const TOOLS = {
  bash: 'bash',
  cc: 'gcc',
  // Large, and one test drives it: for CI alone.
  ...(process.env.CI && { chromium: 'chromium' }),
  fish: 'fish',
  fzf: 'fzf',
  groff: 'groff',
  jq: 'jq',
  less: 'less',
  lsof: 'lsof',
  man: 'man-db',
  python3: 'python3',
  script: 'bsdutils',
  sqlite3: 'sqlite3',
  tmux: 'tmux',
  zsh: 'zsh',
  zstd: 'zstd',
}

const missing = Object.keys(TOOLS).filter((name) => !isOnPath(name))
if (missing.length > 0) {
  const packages = missing.map((name) => TOOLS[name])
  const canInstall = isOnPath('apt-get') && process.getuid?.() === 0
  process.stderr.write(
    `The tests drive ${missing.join(', ')}: ${canInstall ? 'installing' : 'please install'} ${packages.join(' ')}\n`,
  )
  if (!canInstall) process.exit(1)
  const options = { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  execFileSync('apt-get', ['update', '-qq'], options)
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options)
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
