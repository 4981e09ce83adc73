import type { HomeName } from './homes.js'

/** A reason why a rollout cannot tell what a row says, with every thread of the homes that it holds for. */
export interface RowException {
  rule: string
  columns: readonly string[]
  threads: Partial<Record<HomeName, readonly string[]>>
}

/** Every difference there is between the rows of the homes and their rollouts. */
export const EXCEPTIONS: readonly RowException[] = [
  {
    rule: 'archiving stores the time of archiving; only a file found archived has its own time',
    columns: ['archived_at'],
    threads: {
      'codex-0.93.0': ['01a1fb6e-49bd-7f72-a4f4-a4a467964042', '01a1fb70-24fe-7b91-b9a2-008b400608d6'],
      'codex-0.98.0': ['01a1fb71-a7b1-7102-af4e-dd8d6240b779', '01a1fb73-883c-7033-a476-5f3eb011d4a9'],
      'codex-0.99.0': ['01a1fb6e-0ffe-7342-89ff-f0bb8d99bde1', '01a1fb6e-b6ce-7932-b19a-ef74104ea217'],
      'codex-0.100.0': ['01a1fb71-6fa4-7b93-9fc4-c1bcac54dffd', '01a1fb72-1c41-7bc0-bec5-10767b2e6892'],
      'codex-0.113.0': ['01a1fb71-7147-79e0-ab23-acb533169a27', '01a1fb72-1df9-70d1-b657-2651431e2b5c'],
      'codex-0.120.0': ['01a1fb72-6882-7410-8468-4bbd21ceb800', '01a1fb73-60b7-7c71-a6a1-402a19895c84'],
      'codex-0.140.0': ['01a1fb72-a5d7-7b42-90b2-d911deeb2df2', '01a1fb74-810f-79a2-b671-8b58877ddaea'],
      'codex-0.169.0': ['01a1fb71-767c-7db1-9622-400c29be0786', '01a1fb72-11fa-7cf1-97aa-3be5ea76a9c3'],
      'codex-0.95.0': [
        '01a21350-306a-7272-a769-d0387632d8aa',
        '01a21352-21fc-7870-b879-0c1975e57981',
        '01a21352-dd48-7bd0-bed5-c509442f5abb',
        '01a21352-f108-7940-b40e-8645cde11117',
      ],
      'codex-0.111.0': [
        '01a2135d-b136-77d3-9015-1c11bd337a13',
        '01a2135e-5173-75e0-9140-7647f0cbbdb0',
        '01a2135e-711d-7f50-983c-d595681811f4',
        '01a2135e-7192-7793-bd48-9f563b741be0',
      ],
      'codex-0.125.0': [
        '01a2135c-257d-7bd0-b80d-ed77cc4d905e',
        '01a2135c-f9b1-77c1-806d-499394a9bc53',
        '01a2135c-fb16-7f62-9fdf-e4713fe3ef5d',
        '01a2135d-25e6-7a92-b444-bdbd4af943e5',
        '01a2135d-27f4-7ff2-9919-1f354b9a9158',
      ],
      'codex-0.135.0': [
        '01a21351-8b05-70f1-9a67-87f61e62d7a1',
        '01a21352-440a-7602-a7c2-536bb955386b',
        '01a21352-66fa-7010-bd9d-d155c803672d',
        '01a21352-688f-7b32-b170-2bcd3757717a',
      ],
      'codex-0.148.0': [
        '01a2135c-17f6-7610-a019-b564ba847658',
        '01a2135c-ae30-7f42-9405-5275d2bf7392',
        '01a2135c-d062-76f1-8acc-b3569b0761fa',
        '01a2135c-d0f6-7c21-b323-f229aa8802cb',
      ],
      'codex-0.160.1': [
        '01a21361-4151-7a31-abad-006c87fc97a9',
        '01a21362-1cbe-73d0-83ad-abe9aa960845',
        '01a21362-1db7-79b2-9a5a-bb92cd7308af',
        '01a21362-414f-7262-a2a1-41b929078322',
        '01a21362-41a1-71f0-a9e7-75eedf0b7504',
      ],
    },
  },
  {
    rule: 'from 0.121 a running Codex may store a time between that of the id and that of the session_meta, which is later',
    columns: ['created_at_ms'],
    threads: {
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
      'codex-0.140.0-killed': [
        '01a1fb75-2002-79b1-ab94-75c7f170f02f',
        '01a1fb75-2320-7903-aa98-44dc8ebaceba',
      ],
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
      'codex-0.135.0': [
        '01a21351-9e16-7f13-8f0e-090af69f6545',
        '01a21351-a7a2-79b1-8ccd-b05ed6a67a9b',
        '01a21352-440a-7602-a7c2-536bb955386b',
        '01a21352-6672-71b3-89aa-1bfcd3a13e74',
        '01a21352-788d-77d3-b2d3-e3f4d4e43c47',
        '01a21352-7918-78c0-a45e-7c99d15c95e3',
        '01a21352-79f9-7cd0-978f-8d64e5e9b1f2',
      ],
      'codex-0.148.0': [
        '01a2135c-0a11-7683-8ee9-98e5db663955',
        '01a2135c-2c80-7390-9562-8bf10bdaf52e',
        '01a2135c-3293-7f73-aa27-3c94fb3c931c',
        '01a2135c-3865-76a2-9d2d-1b88cb91dc24',
        '01a2135c-4010-79e3-b978-d361536c11f3',
        '01a2135c-ae30-7f42-9405-5275d2bf7392',
        '01a2135c-bf66-7d61-b1e4-892c4151d8e3',
        '01a2135c-d062-76f1-8acc-b3569b0761fa',
        '01a2135c-da5f-77c2-a24e-3ae8cd0d4127',
        '01a2135c-dace-7620-8af9-8232453efc46',
        '01a2135c-db3e-7711-827c-a9b2684d7c63',
        '01a2135d-0229-7d63-8677-78f16a64caaf',
      ],
      'codex-0.160.1': [
        '01a21361-37d6-7f42-92bc-9a77da4ed85c',
        '01a21361-52f6-7791-9162-b1ac6a78c1e1',
        '01a21361-57b3-7a23-83b9-8a9d802f2317',
        '01a21361-5dd0-72a1-a80f-ba48f17cb8a8',
        '01a21361-634c-70a1-9439-23682e76f7ca',
        '01a21362-1635-7620-a5bb-5328dd0aa476',
        '01a21362-19a7-77a3-be6b-8566cc1c0ddc',
        '01a21362-1c4a-7a20-9a7a-beca098918ed',
        '01a21362-1cbe-73d0-83ad-abe9aa960845',
        '01a21362-1db7-79b2-9a5a-bb92cd7308af',
        '01a21362-3d35-7342-8698-df0ac73c86bd',
        '01a21362-44cf-7731-b96a-72b47da6c500',
        '01a21362-478e-7f83-8073-917951300e25',
        '01a21362-4a58-7e32-8095-6fa67442a83e',
        '01a21362-4f2f-7381-bf0c-7c6a4c306fa6',
        '01a21362-5d0e-70e1-b170-1bd24c05a21b',
      ],
    },
  },
  {
    rule: 'from 0.121 a running Codex may store a time between that of the id and that of the session_meta, which is later',
    columns: ['created_at', 'created_at_ms'],
    threads: {
      'codex-0.135.0': ['01a21351-7fef-7793-9f2d-c5be4039a58e'],
      'codex-0.160.1': ['01a21362-409d-7b02-ad3f-1a3fa5a67103', '01a21362-482d-7692-9253-85bd584e28ee'],
    },
  },
  {
    rule: 'from 0.131 a running Codex stores "now", not the time of the file',
    columns: ['updated_at'],
    threads: {
      'codex-0.140.0': ['01a1fb74-8810-7c22-8d25-86d0cc4a63d1', '01a1fb74-8914-7f81-9f92-d496cf39a909'],
    },
  },
  {
    rule: 'a line that is added when a client sets values of git changes the file, and from 0.131 not the row',
    columns: ['updated_at'],
    threads: {
      'codex-0.135.0': ['01a21352-3e1b-7e81-8595-c7804d2ff7f9'],
      'codex-0.148.0': ['01a2135c-aa0f-7823-b040-6ac83479da16'],
    },
  },
  {
    rule: 'the file was given an old time behind the back of Codex, to have it compressed',
    columns: ['updated_at'],
    threads: {
      'codex-0.169.0-compressed': [
        '01a1fb6b-2b78-7ef3-9f5d-ea1c79f0c73e',
        '01a1fb6b-2fd8-7312-bf5c-80c8dbe4956e',
      ],
    },
  },
  {
    rule: 'from 0.121 a rename goes to the row of a legacy thread; from 0.130 no line of the rollout tells it',
    columns: ['title'],
    threads: {
      'codex-0.140.0': ['01a1fb74-801a-7432-be58-5ea786bc5733'],
      'codex-0.135.0': [
        '01a21351-a2af-7311-aea0-5c6a5144c82d',
        '01a21352-6067-7b81-aea2-0a9f5d2d63c5',
        '01a21352-8c48-7a63-ba1c-ffea1439356b',
      ],
      'codex-0.148.0': [
        '01a2135c-c60a-7e42-b20f-34fb0758c8aa',
        '01a2135c-c7a9-77c2-8766-c47c862283e8',
        '01a2135c-d011-7ad0-baec-e06fa5bbf06e',
        '01a2135c-ebcf-7302-88a3-125c21fce1d7',
      ],
    },
  },
  {
    rule: 'a paginated fork does not repeat the history it continues, from which the row has its preview',
    columns: ['preview'],
    threads: { 'codex-0.169.0': ['01a1fb72-1103-7553-aa61-2900b1c951c7'] },
  },
  {
    rule: 'the folder that a link led to is stored, and there is no such link on this machine',
    columns: ['cwd'],
    threads: {
      'codex-0.135.0': ['01a21351-a7a2-79b1-8ccd-b05ed6a67a9b', '01a21352-3e1b-7e81-8595-c7804d2ff7f9'],
      'codex-0.148.0': ['01a2135c-3865-76a2-9d2d-1b88cb91dc24', '01a2135c-aa0f-7823-b040-6ac83479da16'],
      'codex-0.160.1': ['01a21361-634c-70a1-9439-23682e76f7ca', '01a21362-19a7-77a3-be6b-8566cc1c0ddc'],
    },
  },
  {
    rule: 'values of git that a client sets go to the row alone',
    columns: ['git_branch', 'git_sha'],
    threads: {
      'codex-0.111.0': ['01a2135e-4e4e-7c81-872a-adf01102a877'],
      'codex-0.125.0': ['01a2135c-f3c7-75a2-8969-f565aa210ffb'],
      'codex-0.160.1': ['01a21362-19a7-77a3-be6b-8566cc1c0ddc'],
    },
  },
  {
    rule: 'from 0.145 the database is where the name of a paginated thread is',
    columns: ['name'],
    threads: {
      'codex-0.148.0': ['01a2135c-3293-7f73-aa27-3c94fb3c931c'],
      'codex-0.160.1': [
        '01a21361-5dd0-72a1-a80f-ba48f17cb8a8',
        '01a21362-3d35-7342-8698-df0ac73c86bd',
        '01a21362-3db8-7d11-bb14-4bfd310a6744',
        '01a21362-3e53-73e3-87da-6c38f79bce6f',
        '01a21362-409d-7b02-ad3f-1a3fa5a67103',
      ],
      'codex-0.169.0': ['01a1fb72-1070-7d72-a57b-9ce71b9c75c6'],
    },
  },
  {
    rule: 'from 0.145 the database is where the memory mode of a paginated thread is',
    columns: ['memory_mode'],
    threads: { 'codex-0.160.1': ['01a21362-1731-7272-b4d1-8ea998ed4301'] },
  },
  {
    rule: 'sections, and the place in one, are a matter of the database alone',
    columns: ['section_entered_at_ms', 'section_position', 'thread_section_id'],
    threads: {
      'codex-0.148.0': ['01a2135c-a3a0-7ff2-8884-834c8adbbbd6', '01a2135c-a601-79d0-a4ca-0ae764de314a'],
      'codex-0.160.1': ['01a21362-1635-7620-a5bb-5328dd0aa476', '01a21362-1731-7272-b4d1-8ea998ed4301'],
      'codex-0.169.0': ['01a1fb71-6cc3-7fd1-b550-b09e57ca4e81'],
    },
  },
  {
    rule: 'projects are a matter of the database alone',
    columns: ['project_id'],
    threads: { 'codex-0.160.1': ['01a21362-19a7-77a3-be6b-8566cc1c0ddc'] },
  },
]

/** The differences of one home, with the columns that are not compared left out. */
export function listExceptions(
  home: HomeName,
  isCompared: (column: string) => boolean = () => true,
): { home: HomeName; thread: string; column: string }[] {
  return EXCEPTIONS.flatMap(({ columns, threads }) =>
    (threads[home] ?? []).flatMap((thread) =>
      columns.filter(isCompared).map((column) => ({ home, thread, column })),
    ),
  )
}
