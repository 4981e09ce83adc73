import { describe, expect, test } from 'vitest'
import {
  chooseMemoryRules,
  choosePipeline,
  findMemoryFault,
  readMemorySettings,
} from '../../src/schema/memory-settings.js'

function settingsOf(version: string, config: Record<string, unknown>) {
  return readMemorySettings(config, chooseMemoryRules(version))
}

test.each([
  ['0.98.0', { memories: true, memory_tool: true, sqlite: true }, false],
  ['0.99.0', { memory_tool: true }, false],
  ['0.104.0', { memory_tool: true, sqlite: true }, true],
  ['0.104.0', { memories: true, sqlite: true }, false],
  ['0.106.0', { memories: true }, true],
  ['0.125.0', { memory_tool: true }, true],
  ['0.169.0', {}, false],
  ['0.169.0', { memories: { enabled: true } }, true],
  ['0.169.0', { memories: 'true' }, false],
])('in %s features %j turn memories on: %s', (version, features, isOn) => {
  expect(settingsOf(version, { features }).isOn).toBe(isOn)
})

test.each([
  ['0.102.0', { minIdleHours: 12, maxAgeDays: 30, maxPerStartup: 64, maxUnusedDays: null }],
  ['0.104.0', { minIdleHours: 12, maxAgeDays: 30, maxPerStartup: 8, maxUnusedDays: null }],
  ['0.106.0', { minIdleHours: 6, maxAgeDays: 30, maxPerStartup: 16, maxUnusedDays: 30 }],
  ['0.125.0', { minIdleHours: 6, maxAgeDays: 30, maxPerStartup: 16, maxUnusedDays: 30 }],
  ['0.155.0', { minIdleHours: 6, maxAgeDays: 10, maxPerStartup: 2, maxUnusedDays: 30 }],
])('the defaults of %s are its own', (version, expected) => {
  expect(settingsOf(version, {})).toMatchObject(expected)
})

describe('numbers of config.toml', () => {
  const typed = (number: number) => ({
    memories: {
      min_rollout_idle_hours: number,
      max_rollout_age_days: number,
      max_rollouts_per_startup: number,
      max_unused_days: number,
    },
  })

  test('are moved into their ranges', () => {
    expect(settingsOf('0.140.0', typed(-5))).toMatchObject({
      minIdleHours: 1,
      maxAgeDays: 0,
      maxPerStartup: 1,
      maxUnusedDays: 0,
    })
    expect(settingsOf('0.140.0', typed(1000))).toMatchObject({
      minIdleHours: 48,
      maxAgeDays: 90,
      maxPerStartup: 128,
      maxUnusedDays: 365,
    })
  })

  test('are not read to 0.102, nor that of unused memories to 0.105', () => {
    expect(settingsOf('0.102.0', typed(7))).toMatchObject({ minIdleHours: 12, maxPerStartup: 64 })
    expect(settingsOf('0.105.0', typed(7))).toMatchObject({ minIdleHours: 7, maxUnusedDays: null })
  })
})

test.each([
  ['0.154.0', { version: 'v2' }, false, 'v1'],
  ['0.160.1', {}, false, 'v1'],
  ['0.160.1', { version: 'v2' }, true, 'v2'],
  ['0.164.0', { dual_write: true }, false, 'v1'],
  ['0.165.0', {}, false, 'v2'],
  ['0.169.0', {}, true, 'v1'],
  ['0.169.0', { dual_write: true }, false, 'v2'],
  ['0.169.0', { version: 'v1' }, false, 'v1'],
  ['0.169.0', { version: 'v3' }, true, 'v1'],
])(
  'in %s with %j and a folder memories/ (%s) sessions read %s',
  (version, memories, hasMemoriesFolder, pipeline) => {
    const rules = chooseMemoryRules(version)
    const settings = readMemorySettings({ memories }, rules)
    expect(choosePipeline(rules, settings, { hasMemoriesFolder }).pipeline).toBe(pipeline)
  },
)

test('a release without a known version follows the newest rules, a fault only its own releases', () => {
  expect(chooseMemoryRules(undefined)).toBe(chooseMemoryRules('0.169.0'))
  expect(chooseMemoryRules('0.93.0').features).toEqual([])
  expect(findMemoryFault('enabled', '0.123.0')).toBeUndefined()
  expect(findMemoryFault('enabled', '0.124.0')).toContain('0.124 and 0.125')
  expect(findMemoryFault('disabled', '0.125.0')).toBeUndefined()
  expect(findMemoryFault('orphan', undefined)).toBeUndefined()
})
