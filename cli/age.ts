/** How long ago something was, for people, in the words of `docker ps`: "5 minutes", "About an hour". Never negative: clocks differ. */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return counted(seconds, 'second');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? 'About a minute' : counted(minutes, 'minute');
  const hours = Math.round(seconds / 3600);
  if (hours < 48) return hours === 1 ? 'About an hour' : counted(hours, 'hour');
  const days = Math.floor(hours / 24);
  if (days < 14) return counted(days, 'day');
  if (days < 60) return counted(Math.floor(days / 7), 'week');
  return days < 730 ? counted(Math.floor(days / 30), 'month') : counted(Math.floor(days / 365), 'year');
}

function counted(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}
