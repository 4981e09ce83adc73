export const TARGETS: Readonly<Record<string, { node: string; addon: string }>>

/** For this machine when no target is given; gives the path of the executable. */
export function packageExecutable(target?: string): Promise<string>

export function packageWithPkg(): Promise<string>
