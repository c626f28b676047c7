using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Akka.Actor;
using Akka.Persistence;
using Akka.Persistence.Journal;
using Akka.Serialization;
using Akka.Util;
using Ledger.Actors.Journal;
using Ledger.Actors.Timing;

namespace Ledger.Actors.Storage;

/// <summary>Makes rows of what actors persist, and refuses what the tables could not hold.</summary>
/// <param name="system">The actor system, whose serializers are used.</param>
/// <param name="clock">The ledger's time: a row says when it was written.</param>
/// <param name="defaultSerializer">The serializer of types that none is bound to; null for none.</param>
/// <param name="rowBytesMax">How many bytes a row may have.</param>
internal sealed class RowEncoder(
    ExtendedActorSystem system, LedgerClock clock, string? defaultSerializer, long rowBytesMax)
{
    // As wide as the plugin's columns. Checked here, since the database would refuse the whole batch.
    private const int PersistenceIdLengthMax = 255;
    private const int ManifestLengthMax = 500;

    private static readonly SearchValues<char> s_suspects = SearchValues.Create(Suspects());
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly Serialization _serialization = system.Serialization;
    private readonly string _journalUuid = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);

    /// <summary>Makes a write of what one call brings.</summary>
    /// <param name="messages">What it brings.</param>
    /// <param name="cancellationToken">When its caller gives up.</param>
    public JournalWrite Encode(IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        var write = new JournalWrite(cancellationToken);
        var now = clock.GetUtcNow().UtcTicks;
        foreach (var message in messages)
        {
            if (message.Payload is not IImmutableList<IPersistentRepresentation> events)
            {
                throw new ArgumentException($"{message.PersistenceId} sent a write without events.");
            }

            for (var i = 0; i < events.Count; i++)
            {
                write.Add(Encode(events[i], now), events[i].Payload as JournalRow);
            }
        }

        return write;
    }

    private AppendRow Encode(IPersistentRepresentation representation, long now)
    {
        var payload = representation.Payload;
        if (payload is Tagged)
        {
            throw new NotSupportedException("This journal stores no tags.");
        }

        var serializer = _serialization.FindSerializerForType(payload.GetType(), defaultSerializer);
        var manifest = serializer switch
        {
            SerializerWithStringManifest withManifest => withManifest.Manifest(payload),
            { IncludeManifest: true } => payload.GetType().TypeQualifiedName(),
            _ => string.Empty,
        };
        var message = Serialization.WithTransport(
            system, (serializer, payload), static state => state.serializer.ToBinary(state.payload));

        CheckText(representation.PersistenceId, PersistenceIdLengthMax, "persistence id");
        CheckText(manifest, ManifestLengthMax, "manifest");
        if (message is null || message.Length > rowBytesMax)
        {
            throw new ArgumentException(
                $"Event {representation.SequenceNr} of {representation.PersistenceId} has {message?.Length ?? 0} bytes;"
                + $" from 1 to {rowBytesMax} can be stored.");
        }

        return new AppendRow(
            representation.PersistenceId,
            representation.SequenceNr,
            representation.Timestamp == 0 ? now : representation.Timestamp,
            message,
            serializer.Identifier,
            manifest,
            string.IsNullOrEmpty(representation.WriterGuid) ? _journalUuid : representation.WriterGuid)
        {
            Entries = (payload as JournalRow)?.Entries,
            Generation = (payload as JournalRow)?.Generation,
        };
    }

    private static void CheckText(string text, int lengthMax, string what)
    {
        if (text is null || text.Length > lengthMax)
        {
            throw new ArgumentException($"A {what} has {text?.Length} characters; up to {lengthMax} can be stored.");
        }

        // Rare, so that the strict check does not run for every row.
        if (text.AsSpan().ContainsAny(s_suspects))
        {
            if (text.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException($"A {what} contains the character U+0000.");
            }

            _ = s_strictUtf8.GetByteCount(text);
        }
    }

    private static char[] Suspects()
    {
        var suspects = new List<char> { '\0' };
        for (var c = 0xD800; c <= 0xDFFF; c++)
        {
            suspects.Add((char)c);
        }

        return [.. suspects];
    }
}
