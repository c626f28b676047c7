using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Ledger.Tests.Shared;

/// <summary>Makes a meter, and listens to it alone.</summary>
internal sealed class MeterRecorder : IMeterFactory
{
    private readonly ConcurrentDictionary<string, Meter> meters = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Instrument> instruments = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<(string Name, string Labels, double Value)> measured = new();
    private readonly MeterListener listener = new();

    /// <summary>Begins to listen.</summary>
    public MeterRecorder()
    {
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, this))
            {
                instruments[instrument.Name] = instrument;
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
    }

    /// <summary>The instruments that were made.</summary>
    public IReadOnlyCollection<Instrument> Instruments => [.. instruments.Values];

    /// <summary>All that was measured: the instrument, its labels as <c>a=1,b=2</c>, the value.</summary>
    public IReadOnlyCollection<(string Name, string Labels, double Value)> Measured => measured;

    /// <summary>The measurements of an event so far, by their labels.</summary>
    public IReadOnlyList<double> Of(string name, string labels = "") =>
        [.. measured.Where(one => one.Name == name && one.Labels == labels).Select(static one => one.Value)];

    /// <summary>The sum of the measurements of an event so far.</summary>
    public double SumOf(string name, string labels = "") => Of(name, labels).Sum();

    /// <summary>What a state is now; null where it has no value.</summary>
    public double? Now(string name)
    {
        // Others may ask meanwhile; the last value is no older than this question.
        var before = measured.Count;
        listener.RecordObservableInstruments();
        return measured.Skip(before).Where(one => one.Name == name).Select(static one => (double?)one.Value)
            .LastOrDefault();
    }

    public Meter Create(MeterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Scope = this;
        return meters.GetOrAdd(options.Name, static (_, made) => new Meter(made), options);
    }

    public void Dispose()
    {
        listener.Dispose();
        foreach (var meter in meters.Values)
        {
            meter.Dispose();
        }
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new List<string>();
        foreach (var (key, text) in tags)
        {
            labels.Add($"{key}={text}");
        }

        measured.Enqueue((instrument.Name, string.Join(',', labels.Order(StringComparer.Ordinal)), value));
    }
}
