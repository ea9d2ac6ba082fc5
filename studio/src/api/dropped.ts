/** The files in what was dropped on the page; folders are searched. */

type Entry = FileSystemEntry;

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** A folder is read in portions, until one is empty. */
async function inside(folder: FileSystemDirectoryEntry): Promise<Entry[]> {
  const reader = folder.createReader();
  const all: Entry[] = [];
  for (;;) {
    const some = await new Promise<Entry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function filesIn(entry: Entry): Promise<File[]> {
  if (entry.isFile) return [await fileOf(entry as FileSystemFileEntry)];
  const entries = await inside(entry as FileSystemDirectoryEntry);
  entries.sort((a, b) => a.name.localeCompare(b.name));
  const files: File[] = [];
  for (const child of entries) {
    if (!child.name.startsWith('.')) files.push(...(await filesIn(child)).filter(isSound));
  }
  return files;
}

const SOUND =
  /\.(aac|ac3|aif|aiff|alac|amr|ape|au|avi|caf|dsf|flac|m4a|m4v|mka|mkv|mov|mp2|mp3|mp4|mpc|oga|ogg|opus|spx|tta|wav|w64|webm|wma|wv)$/i;

/** In a folder only what looks like sound or video counts; what is dropped by itself is always tried. */
export const isSound = (file: File): boolean => SOUND.test(file.name) || /^(audio|video)\//.test(file.type);

export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return [...data.files];
  const found = await Promise.all(entries.filter((entry) => entry !== null).map(filesIn));
  return found.flat();
}
