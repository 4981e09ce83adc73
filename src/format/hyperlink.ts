import { pathToFileURL } from 'node:url'

/** Programs that show links and say who they are (https://github.com/Alhadis/OSC8-Adoption). */
const BY_PROGRAM = ['iTerm.app', 'WezTerm', 'vscode', 'ghostty', 'Hyper', 'rio', 'Tabby']

/** The first VTE (GNOME Terminal and its kin) that did not stumble over a link: 0.50. */
const FIRST_VTE = 5000

/**
 * Whether the terminal is known to show links. One that is not known, or that lies behind tmux or screen, may
 * print the address instead: it gets none. `FORCE_HYPERLINK` decides where it is set.
 */
export function supportsHyperlinks(env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_HYPERLINK, TERM = '', TERM_PROGRAM = '', VTE_VERSION, TMUX, STY, CI } = env
  if (FORCE_HYPERLINK !== undefined && FORCE_HYPERLINK !== '') return FORCE_HYPERLINK !== '0'
  if (TERM === 'dumb' || TMUX || STY || CI) return false
  return (
    BY_PROGRAM.includes(TERM_PROGRAM) ||
    /^(xterm-(kitty|ghostty)|alacritty|foot|wezterm)/.test(TERM) ||
    Boolean(env.WT_SESSION || env.KONSOLE_VERSION || env.DOMTERM) ||
    Number(VTE_VERSION) >= FIRST_VTE
  )
}

/**
 * The text as a link to a file: OSC 8, as https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
 * describes it. The address holds no control character, whatever the path does.
 */
export function linkToFile(path: string, text: string, isWindows = process.platform === 'win32'): string {
  const { href } = pathToFileURL(path, { windows: isWindows })
  return `\x1b]8;;${href}\x1b\\${text}\x1b]8;;\x1b\\`
}
