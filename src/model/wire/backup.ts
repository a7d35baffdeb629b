import type { BackupRequest, BackupResponse } from "../service.js";
import { compact } from "./field.js";

export interface BackupRequestMessage {
  readonly since?: string | null | undefined;
}

export interface BackupResponseMessage {
  readonly chunk: Uint8Array;
}

export function writeBackupRequest({ since }: BackupRequest): BackupRequestMessage {
  return { since };
}

export function readBackupRequest({ since }: BackupRequestMessage): BackupRequest {
  return compact<BackupRequest>({ since });
}

export function writeBackupResponse({ bytes }: BackupResponse): BackupResponseMessage {
  return { chunk: bytes };
}

export function readBackupResponse({ chunk }: BackupResponseMessage): BackupResponse {
  return { bytes: chunk };
}
