/** What the service sends: docs of the fields are in its OpenAPI page. */

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Source {
  /** none of a job that fetches weights */
  name: string | null;
  bytes: number | null;
  duration_s: number | null;
  sample_rate_hz: number | null;
  channels: number | null;
  samples: number | null;
}

export interface Progress {
  done_s: number | null;
  total_s: number | null;
  fraction: number | null;
  left_s: number | null;
}

export interface ResultFile {
  name: string;
  stem: string | null;
  bytes: number;
  sha256: string;
  media_type: string;
  url: string;
}

export interface Job {
  id: string;
  kind: string;
  state: JobState;
  source: Source;
  options: Record<string, unknown>;
  model: string | null;
  priority: number;
  queue_place: number | null;
  /** what it lacks besides its turn: room on the disk of the service */
  waits_for: 'disk' | null;
  progress: Progress | null;
  stems: string[];
  /** of every stem, while it runs */
  available_samples: number;
  files: ResultFile[];
  error: { code: string; message: string } | null;
  warnings: string[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  revision: number;
}

export interface Model {
  name: string;
  title: string;
  stems: string[];
  kind: string;
  licence: string | null;
  bytes: number | null;
  installed: boolean;
  real_time_factor: number | null;
  quality: number | string | null;
  default: boolean;
}

export interface Option {
  name: string;
  type: string;
  default: unknown;
  unit: string;
  /** none where any value will do */
  choices: (string | number)[];
  low: number | null;
  high: number | null;
  help: string;
}

export interface About {
  version: string;
  kinds: { name: string; title: string }[];
  formats: string[];
  limits: { bytes: number; seconds: number; channels: number; waiting_jobs: number };
  paths: boolean;
  urls: boolean;
  diagnosis: {
    cores: number;
    memory_mb: number | null;
    disk_free_bytes: number;
    cache_bytes: number;
    /** whether the process that separates is alive */
    worker: boolean;
    jobs_at_a_time: number;
    keep_days: number;
    keep_bytes: number;
    up_s: number;
  };
}

export interface NewJob {
  kind: string;
  source: { upload: string } | { path: string } | { url: string } | { job: string } | null;
  options: Record<string, unknown>;
  priority?: number;
}
