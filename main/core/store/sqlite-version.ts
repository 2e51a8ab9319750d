/** Which SQLite writes the record, for who asks what the app is made of. */
import Database from 'better-sqlite3';

/** @throws when the native library cannot be loaded */
export function sqliteVersion(): string {
  const database = new Database(':memory:');
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    database.close();
  }
}
