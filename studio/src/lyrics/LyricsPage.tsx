export function LyricsPage({ id }: { id: string }) {
  return <p>{id}</p>;
}
