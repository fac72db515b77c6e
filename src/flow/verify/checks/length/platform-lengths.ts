/** What a length is counted in. */
export const LENGTH_UNITS = [
  'codepoints',
  'utf16',
  'bytes',
  'graphemes',
  'weighted',
  'emoji_bytes',
  'sms_segments',
] as const

export type LengthUnit = (typeof LENGTH_UNITS)[number]

export interface PlatformLength {
  readonly max: number
  readonly unit: LengthUnit
  /** Where the platform says so. */
  readonly source: string
}

/**
 * How long a text may be, by platform. Platforms change their limits: `max` and `unit` of the policy win.
 * Where a platform does not say what it counts, the unit is the one that counts most.
 */
export const PLATFORM_LENGTHS: Readonly<Record<string, PlatformLength>> = {
  x: { max: 280, unit: 'weighted', source: 'X developer documentation, Counting characters' },
  twitter: { max: 280, unit: 'weighted', source: 'X developer documentation, Counting characters' },
  x_premium: { max: 25_000, unit: 'weighted', source: 'X help centre, About X Premium' },
  // Captions and, in the app, comments.
  instagram: { max: 2200, unit: 'utf16', source: 'Instagram platform documentation, IG User Media, caption' },
  // Of comments written through the API Meta's older platform documentation allowed no more than this.
  instagram_api_comment: { max: 300, unit: 'utf16', source: 'Instagram API, comment endpoints' },
  threads: { max: 500, unit: 'emoji_bytes', source: 'Threads API documentation, Posts, Limitations' },
  facebook: { max: 63_206, unit: 'utf16', source: 'Facebook, status update limit as announced in 2011' },
  facebook_comment: { max: 8000, unit: 'utf16', source: 'Facebook, comment box' },
  linkedin: { max: 3000, unit: 'utf16', source: 'LinkedIn help, post character limit' },
  linkedin_comment: { max: 1250, unit: 'utf16', source: 'LinkedIn help, comment character limit' },
  bluesky: { max: 300, unit: 'graphemes', source: 'AT Protocol lexicon app.bsky.feed.post, maxGraphemes' },
  // The default of a server; URLs are counted in full here, though Mastodon counts 23 for each.
  mastodon: { max: 500, unit: 'graphemes', source: 'Mastodon documentation, Posting to your profile' },
  tiktok: { max: 2200, unit: 'utf16', source: 'TikTok content posting API, title, in UTF-16 runes' },
  youtube_title: { max: 100, unit: 'utf16', source: 'YouTube Data API, snippet.title' },
  youtube: { max: 5000, unit: 'bytes', source: 'YouTube Data API, snippet.description, in bytes' },
  youtube_comment: { max: 10_000, unit: 'utf16', source: 'YouTube, comment box' },
  pinterest: { max: 500, unit: 'utf16', source: 'Pinterest API v5, pin description, the older limit' },
  reddit_title: { max: 300, unit: 'utf16', source: 'Reddit API, submit, title' },
  reddit: { max: 40_000, unit: 'utf16', source: 'Reddit, text of a post' },
  reddit_comment: { max: 10_000, unit: 'utf16', source: 'Reddit, comment' },
  telegram: { max: 4096, unit: 'utf16', source: 'Telegram bot API, sendMessage' },
  telegram_caption: { max: 1024, unit: 'utf16', source: 'Telegram bot API, sendPhoto' },
  discord: { max: 2000, unit: 'utf16', source: 'Discord API, create message' },
  whatsapp: { max: 4096, unit: 'utf16', source: 'WhatsApp cloud API, text messages' },
  slack: { max: 40_000, unit: 'utf16', source: 'Slack API, chat.postMessage, truncation' },
  slack_section: { max: 3000, unit: 'utf16', source: 'Slack block kit, section' },
  email_subject: { max: 255, unit: 'utf16', source: 'Microsoft Exchange, length of a subject' },
  sms: { max: 1, unit: 'sms_segments', source: '3GPP TS 23.038 and 23.040' },
}
