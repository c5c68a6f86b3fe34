import { z } from 'zod';

/** The fields of GitHub's deliveries that Banyan reads; everything else is let through unread. */

const userSchema = z.object({ login: z.string(), type: z.string().optional() });

const issueSchema = z.object({
  number: z.int().positive(),
  title: z.string(),
  body: z.string().nullish(),
  html_url: z.string(),
  user: userSchema.nullish(),
  labels: z.array(z.object({ name: z.string() })).default([]),
  pull_request: z.unknown().optional(),
});

const commonSchema = z.object({
  sender: userSchema,
  installation: z.object({ id: z.int().positive() }),
  repository: z.object({
    id: z.int().positive(),
    name: z.string(),
    default_branch: z.string(),
    owner: z.object({ id: z.int().positive(), login: z.string(), type: z.string().default('Organization') }),
  }),
});

export const payloadSchemas = {
  issues: commonSchema.extend({ action: z.string(), issue: issueSchema, label: z.object({ name: z.string() }).optional() }),
  issue_comment: commonSchema.extend({
    action: z.string(),
    issue: issueSchema,
    comment: z.object({ id: z.int().positive(), body: z.string(), html_url: z.string() }),
  }),
  pull_request: commonSchema.extend({
    action: z.string(),
    pull_request: z.object({ number: z.int().positive(), html_url: z.string(), merged: z.boolean().default(false) }),
  }),
} as const;

export type CommonPayload = z.output<typeof commonSchema>;
export type IssuePayload = z.output<typeof issueSchema>;
export type IssuesPayload = z.output<typeof payloadSchemas.issues>;
export type CommentPayload = z.output<typeof payloadSchemas.issue_comment>;
