/** One line for a person, of whatever went wrong. */

import { ApiError } from '../api/client.ts';
import { t } from '../texts.ts';

export function lineOf(problem: unknown): string {
  if (problem instanceof ApiError && problem.status === 0) return t('error.unreachable');
  if (problem instanceof ApiError && problem.status === 401) return t('error.token');
  if (problem instanceof Error) return problem.message;
  return String(problem);
}
