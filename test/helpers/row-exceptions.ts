import type { HomeName } from './homes.js'

const ARCHIVED_NOW = 'archiving stores the time of archiving; only a file found archived has its own time'
const UPDATED_NOW = 'from 0.131 a running Codex stores "now", not the time of the file'
const TIME_SET_BACK = 'the file was given an old time behind the back of Codex, to have it compressed'
const RENAMED = 'from 0.121 a rename goes to the row; between 0.130 and 0.144 no line of the rollout tells it'
const FORKED = 'a paginated fork does not repeat the history it continues, from which the row has its preview'

/** Homes whose differences are not written out; that of sound homes there are none is what `diff` is tested for. */
export const UNLISTED: readonly HomeName[] = [
  'codex-0.95.0',
  'codex-0.111.0',
  'codex-0.125.0',
  'codex-0.135.0',
  'codex-0.148.0',
  'codex-0.160.1',
]

/** Every difference there is, each with the reason why the file cannot tell what the row says. */
export const EXCEPTIONS: readonly { home: HomeName; thread: string; column: string; rule: string }[] = [
  {
    home: 'codex-0.93.0',
    thread: '01a1fb6e-49bd-7f72-a4f4-a4a467964042',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.93.0',
    thread: '01a1fb70-24fe-7b91-b9a2-008b400608d6',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.98.0',
    thread: '01a1fb71-a7b1-7102-af4e-dd8d6240b779',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.98.0',
    thread: '01a1fb73-883c-7033-a476-5f3eb011d4a9',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.99.0',
    thread: '01a1fb6e-0ffe-7342-89ff-f0bb8d99bde1',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.99.0',
    thread: '01a1fb6e-b6ce-7932-b19a-ef74104ea217',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.100.0',
    thread: '01a1fb71-6fa4-7b93-9fc4-c1bcac54dffd',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.100.0',
    thread: '01a1fb72-1c41-7bc0-bec5-10767b2e6892',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.113.0',
    thread: '01a1fb71-7147-79e0-ab23-acb533169a27',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.113.0',
    thread: '01a1fb72-1df9-70d1-b657-2651431e2b5c',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.120.0',
    thread: '01a1fb72-6882-7410-8468-4bbd21ceb800',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.120.0',
    thread: '01a1fb73-60b7-7c71-a6a1-402a19895c84',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.140.0',
    thread: '01a1fb72-a5d7-7b42-90b2-d911deeb2df2',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  { home: 'codex-0.140.0', thread: '01a1fb74-801a-7432-be58-5ea786bc5733', column: 'title', rule: RENAMED },
  {
    home: 'codex-0.140.0',
    thread: '01a1fb74-810f-79a2-b671-8b58877ddaea',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.140.0',
    thread: '01a1fb74-8810-7c22-8d25-86d0cc4a63d1',
    column: 'updated_at',
    rule: UPDATED_NOW,
  },
  {
    home: 'codex-0.140.0',
    thread: '01a1fb74-8914-7f81-9f92-d496cf39a909',
    column: 'updated_at',
    rule: UPDATED_NOW,
  },
  {
    home: 'codex-0.169.0',
    thread: '01a1fb71-767c-7db1-9622-400c29be0786',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  { home: 'codex-0.169.0', thread: '01a1fb72-1103-7553-aa61-2900b1c951c7', column: 'preview', rule: FORKED },
  {
    home: 'codex-0.169.0',
    thread: '01a1fb72-11fa-7cf1-97aa-3be5ea76a9c3',
    column: 'archived_at',
    rule: ARCHIVED_NOW,
  },
  {
    home: 'codex-0.169.0-compressed',
    thread: '01a1fb6b-2b78-7ef3-9f5d-ea1c79f0c73e',
    column: 'updated_at',
    rule: TIME_SET_BACK,
  },
  {
    home: 'codex-0.169.0-compressed',
    thread: '01a1fb6b-2fd8-7312-bf5c-80c8dbe4956e',
    column: 'updated_at',
    rule: TIME_SET_BACK,
  },
]

/** From 0.121 a running Codex may store a time between that of the id and that of the session_meta, which is later. */
export const CREATED_BEFORE_META: Partial<Record<HomeName, readonly string[]>> = {
  'codex-0.140.0': [
    '01a1fb72-569d-7293-b496-311909b2aa38',
    '01a1fb73-33d9-70d3-aa5b-2284270b6ab7',
    '01a1fb73-5bf4-7251-8f7c-85d1a098afa9',
    '01a1fb74-6a3d-7e62-93a2-07df3639a725',
    '01a1fb74-6af7-7302-9a8c-0e71c3f0aa4e',
    '01a1fb74-6b86-78b2-8a31-72d6e9dab8f7',
    '01a1fb74-83c0-7e80-b73d-ac551ab10a05',
    '01a1fb74-84c5-78c0-b5b9-50a73a68a575',
    '01a1fb74-8810-7c22-8d25-86d0cc4a63d1',
    '01a1fb74-884b-70b2-8944-57f844b03df5',
  ],
  'codex-0.169.0': [
    '01a1fb71-6cc3-7fd1-b550-b09e57ca4e81',
    '01a1fb71-7eeb-7f13-9e84-937f5965f5dd',
    '01a1fb71-8b7b-7692-b7b5-d1873cc870ec',
    '01a1fb71-fa35-7d00-b25a-ad6fd5cc7c36',
    '01a1fb71-fa75-7151-9231-40546b3001a2',
    '01a1fb71-fb02-7b83-82ba-d1b9c6b71f42',
    '01a1fb71-fb5d-7de3-8b9e-fe07779b1132',
    '01a1fb72-1070-7d72-a57b-9ce71b9c75c6',
    '01a1fb72-1590-7552-a999-406972934c4d',
    '01a1fb72-190c-7ad0-afaa-2d888f919a8b',
    '01a1fb72-1959-7ef3-8149-95130826b93d',
    '01a1fb72-1e3b-72a1-a8c7-b4d5676e4e3b',
  ],
  'codex-0.140.0-killed': ['01a1fb75-2002-79b1-ab94-75c7f170f02f', '01a1fb75-2320-7903-aa98-44dc8ebaceba'],
  'codex-0.169.0-killed': [
    '01a1fb6b-29d3-7b93-bf0c-fbeb0b25fbbf',
    '01a1fb6b-2de9-7ac1-80bf-4421f64c2d66',
    '01a1fb6b-330b-7c11-97e0-00eb1643eb96',
    '01a1fb6b-3579-7771-9080-347e9821bbbd',
  ],
  'codex-0.169.0-compressed': [
    '01a1fb6b-2b78-7ef3-9f5d-ea1c79f0c73e',
    '01a1fb6b-2fd8-7312-bf5c-80c8dbe4956e',
  ],
  'codex-0.98.0-then-0.169.0': ['01a1fb8d-ba18-7e80-888f-ba7849fa1b92'],
}
