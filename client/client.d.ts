/** An event of the feed. */
export interface FeedEvent<Data = unknown> {
  /** `posts`, `comments`, `post_comments_7`, `notes`, …; absent on `/notifications` and on a post's
   *  comments. */
  channel?: string;
  /** `post_created`, `comment_deleted`, … */
  event: string;
  /** The row, or the redacted rest of a deleted one. */
  data: Data;
  /** The position in the log: 1, 2, 3, … Events that are not in the log have none. */
  id?: number;
  /** With `frame: "html"`: the thing as the site's own lists show it, sanitised by the server. */
  html?: string;
}

export type FeedState = "connecting" | "live" | "reconnecting" | "offline";

/** A position, from the headers `Last-Event-Id` and `Log-Id` of the response with a list. */
export interface Position {
  lastEventId?: number;
  log?: string | null;
}

export interface FollowOptions {
  /** A live endpoint: `https://blog.example.org/feed`, or a path of the page's own site. */
  url: string | URL;
  /** The channels of `/feed` to follow; by default all posts and comments. */
  channels?: string[];
  /** The position to resume after. By default the feed starts with the next event. */
  lastEventId?: number | "latest";
  /** The log that `lastEventId` belongs to, from the response header `Log-Id`. */
  log?: string;
  /** `html` for events with a fragment of the site's page; `event` for a post's comments with the
   *  name of the event. */
  frame?: "html" | "event";
  /** Called for each event, once, in the order of their ids. */
  onEvent(event: FeedEvent): void;
  /** Called when the state changes. */
  onState?(state: FeedState): void;
  /** Called when events are missing: the server no longer has the events after the last one, or its
   *  database was replaced. Load your lists again; the feed continues after `id`. While the returned
   *  promise is pending, events are held; those that the loaded position includes are skipped. If it
   *  is rejected, `onResync` is called again after a pause. */
  onResync?(id: number): void | Promise<void | Position>;
  /** Called with the close code of each connection that ends. */
  onClose?(code: number): void;
}

export interface Follower {
  readonly lastEventId: number | "latest";
  readonly state: FeedState;
  log: string | undefined;
  /** Sends a text if there is a connection. `{"typing":true}`, at most once a second, tells followers
   *  of a post's presence that somebody is typing a comment. */
  send(text: string): void;
  /** Closes the connection and does not reconnect. */
  close(): void;
}

/** Connects, and reconnects until it is closed. */
export function follow(options: FollowOptions): Follower;

/** A random time in milliseconds, at most 30 seconds, to wait after a number of failures in a row. */
export function backoff(failures: number): number;
