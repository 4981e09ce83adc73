export interface PackedPackage {
  /** Of the tarball. */
  path: string
  unpackedBytes: number
  files: { path: string; size: number }[]
}

export function packageNpm(): Promise<PackedPackage>
