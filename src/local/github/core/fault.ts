import type { ErrorCode } from '../../../kernel/errors.ts';
import { BanyanError } from '../../../kernel/errors.ts';
import type { JsonObject } from './model.ts';

const CODES: Record<number, ErrorCode> = {
  400: 'payload_invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'payload_too_large',
  422: 'payload_invalid',
};

/** An answer other than success, in the shape of GitHub's REST errors. */
export class Fault extends BanyanError {
  readonly status: number;
  readonly errors: unknown[] | undefined;

  constructor(status: number, message: string, errors?: unknown[]) {
    super(CODES[status] ?? 'github_rejected', message);
    this.name = 'Fault';
    this.status = status;
    this.errors = errors;
  }

  body(): JsonObject {
    return {
      message: this.message,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      documentation_url: 'https://docs.github.com/rest',
      status: String(this.status),
    };
  }
}

export function notFound(): Fault {
  return new Fault(404, 'Not Found');
}

export interface FieldError {
  resource: string;
  field?: string;
  code: 'missing' | 'missing_field' | 'invalid' | 'already_exists' | 'unprocessable' | 'custom';
  message?: string;
  value?: unknown;
}

export function invalid(...errors: FieldError[]): Fault {
  return new Fault(422, 'Validation Failed', errors);
}

export function integrationForbidden(): Fault {
  return new Fault(403, 'Resource not accessible by integration');
}
