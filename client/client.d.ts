/** An event of the feed. */
export interface FeedEvent<Data = unknown> {
  /** `posts`, `comments`, `post_comments_7`, `notes`, …; `/notifications` and the comments of a post
   *  leave it out. */
  channel?: string;
  /** `post_created`, `comment_deleted`, … */
  event: string;
  /** The row, or what is left of one that was deleted. */
  data: Data;
  /** The position in the log: 1, 2, 3, … Events that are not in the log have none. */
  id?: number;
  /** With `frame: "html"`: the thing as the site's own lists show it, made safe by the server. */
  html?: string;
}

export type FeedState = "connecting" | "live" | "reconnecting" | "offline";

export interface FollowOptions {
  /** A live endpoint: `https://blog.example.org/feed`, or a path of the page's own site. */
  url: string | URL;
  /** The channels of `/feed` to follow; by default all posts and comments. */
  channels?: string[];
  /** Where to go on: every event after it comes. By default the feed starts with what happens next. */
  lastEventId?: number | "latest";
  /** The log that `lastEventId` is of, as the response header `Log-Id` names it. */
  log?: string;
  /** `html` for events with a fragment of the site's page; `event` for a post's comments with their
   *  event's name. */
  frame?: "html" | "event";
  /** Called for each event, once, in the order of their ids. */
  onEvent(event: FeedEvent): void;
  /** Called when the state has changed. */
  onState?(state: FeedState): void;
  /** Called when events are missing: the server no longer has those after the last one, or its
   *  database was replaced. Fetch your lists again; the feed goes on after `id`. */
  onResync?(id: number): void;
  /** Called with the close code of each connection that ended. */
  onClose?(code: number): void;
}

export interface Follower {
  readonly lastEventId: number | "latest";
  readonly state: FeedState;
  log: string | undefined;
  /** Sends a text if there is a connection: `{"typing":true}`, at most once a second, tells others who
   *  follow the presence of a post that somebody types a comment. */
  send(text: string): void;
  /** Ends the connection for good. */
  close(): void;
}

/** Connects, and reconnects until it is closed. */
export function follow(options: FollowOptions): Follower;

/** A random time in milliseconds to wait after a number of failures in a row, at most 30 seconds. */
export function backoff(failures: number): number;
