using System.Runtime.Versioning;

// Signals, /proc and the whole of 127.0.0.0/8 as one's own.
[assembly: SupportedOSPlatform("linux")]
