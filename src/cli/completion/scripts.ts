export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const

export type Shell = (typeof SHELLS)[number]

/**
 * The script that completes `name` in a shell. It only carries words to and fro: what fits is decided by
 * `name __complete`, so a script that was installed once knows every later command. Nothing that was typed or
 * read is ever evaluated by the shell.
 */
export function completionScript(shell: Shell, name: string): string {
  const script = { bash, zsh, fish, powershell }[shell]
  return script(name, `_${name.replaceAll('-', '_')}`)
}

const bash = (name: string, func: string) => String.raw`# bash completion of ${name}. In ~/.bashrc:
#   source <(${name} completion bash)
${func}() {
  local rest=$COMP_LINE piece line kind cur i
  local -a words=()
  # bash splits words at = and : as well; what no blank separates belongs together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=${'$'}{COMP_WORDS[i]}
    if ((i == 0)) || [[ $rest == [[:space:]]* ]]; then
      words+=("$piece")
      rest=${'$'}{rest#"${'$'}{rest%%[![:space:]]*}"}
    else
      words[${'$'}{#words[@]}-1]+=$piece
    fi
    rest=${'$'}{rest#"$piece"}
  done
  for ((i = 0; i < ${'$'}{#words[@]}; i++)); do
    words[i]=${'$'}{words[i]//[\\\"\']/}
  done
  cur=${'$'}{words[${'$'}{#words[@]}-1]}
  # Of a word that bash has split it replaces the last part only.
  local before=
  case $cur in *[=:]*) before=${'$'}{cur%"${'$'}{cur##*[=:]}"} ;; esac
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
      continue
    fi
    line=${'$'}{line%%$'\t'*}
    [[ $line == "$cur"* ]] || continue
    line=${'$'}{line#"$before"}
    case ${'$'}{COMP_WORDS[COMP_CWORD]} in
      [\"\']*) COMPREPLY+=("$line") ;;
      *) COMPREPLY+=("$(printf %q "$line")") ;;
    esac
  done < <("$1" __complete -- "${'$'}{words[@]:1}" 2>/dev/null)
  case $kind in
    files | folders)
      compopt -o filenames 2>/dev/null
      local option=-f
      [[ $kind == folders ]] && option=-d
      while IFS= read -r line; do
        COMPREPLY+=("$line")
      done < <(compgen $option -- "${'$'}{cur#"$before"}")
      ;;
    values)
      compopt -o nosort 2>/dev/null
      case ${'$'}{#COMPREPLY[@]}:${'$'}{COMPREPLY[0]} in 1:*=) compopt -o nospace 2>/dev/null ;; esac
      ;;
  esac
}
complete -F ${func} ${name}
`

const zsh = (name: string, func: string) => String.raw`#compdef ${name}
# zsh completion of ${name}. In ~/.zshrc, behind compinit:
#   source <(${name} completion zsh)
${func}() {
  local -a lines values displays
  local line kind
  lines=("${'$'}{(@f)$("${'$'}{(Q)words[1]}" __complete -- "${'$'}{(@Q)words[2,CURRENT-1]}" "${'$'}{(Q)PREFIX}" 2>/dev/null)}")
  kind=$lines[1]
  shift lines
  case $kind in
    files) compset -P '*='; _files ;;
    folders) compset -P '*='; _files -/ ;;
    values)
      for line in $lines; do
        values+=("${'$'}{line%%$'\t'*}")
        if [[ $line == *$'\t' ]]; then
          displays+=("${'$'}{line%%$'\t'*}")
        else
          displays+=("${'$'}{line/$'\t'/  -- }")
        fi
      done
      compadd -l -V values -d displays -a values
      ;;
  esac
}
if [[ $funcstack[1] == ${func} ]]; then
  ${func} "$@"
else
  compdef ${func} ${name}
fi
`

const fish = (name: string, func: string) => String.raw`# fish completion of ${name}. Once:
#   ${name} completion fish > ~/.config/fish/completions/${name}.fish
function _${func}
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l program $words[1]
  set -e words[1]
  set -l lines ($program __complete -- $words "$current" 2>/dev/null)
  set -l kind $lines[1]
  set -e lines[1]
  set -l flag (string match -r -- '^--[^=]*=' "$current")
  set -l path (string replace -r -- '^--[^=]*=' '' "$current")
  switch "$kind"
    case files
      for found in (__fish_complete_path "$path")
        echo -- "$flag$found"
      end
    case folders
      for found in (__fish_complete_directories "$path" '')
        echo -- "$flag$found"
      end
    case values
      printf '%s\n' $lines
  end
end
complete -c ${name} -f -k -a '(_${func})'
`

const powershell = (name: string) => String.raw`# PowerShell completion of ${name}. In $PROFILE:
#   ${name} completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName '${name}' -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements |
    Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
    Select-Object -Skip 1 |
    ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
  # Before 7.3 an empty argument does not reach a program unless it is quoted twice.
  if ($wordToComplete -eq '') { $words += $(if ($PSVersionTable.PSVersion -ge [version]'7.3') { '' } else { '""' }) }
  $lines = @(& $commandAst.CommandElements[0].Extent.Text __complete '--' @words 2>$null)
  if ($lines.Count -eq 0) { return }
  if ($lines[0] -ne 'values') {
    [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
    return
  }
  $lines | Select-Object -Skip 1 | ForEach-Object {
    $value, $description = $_ -split "${'`'}t", 2
    $text = if ($value -match '[\s''"$(){};,|&<>@#]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
    $tip = if ($description) { $description } else { $value }
    [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $tip)
  }
}
`
