using Akka.Configuration;
using Ledger.Actors.Remoting;

namespace Ledger.Actors.Tests;

/// <summary>Goal: a member that has just joined may be silent for longer than one that has long been there, and only so
/// long. Method: the detector with a clock of the test's.</summary>
public sealed class PatientFailureDetectorTests
{
    private static readonly Config s_config = ConfigurationFactory.ParseString("""
        threshold = 8.0, max-sample-size = 1000, min-std-deviation = 100ms
        heartbeat-interval = 250ms, acceptable-heartbeat-pause = 1s, young-for = 10s, young-pause = 5s
        """);

    private readonly PatientFailureDetector detector;
    private long now = 1_000_000;

    public PatientFailureDetectorTests() => detector = new PatientFailureDetector(s_config, () => now);

    [Fact]
    public void A_member_that_never_answered_is_not_judged()
    {
        now += 60_000;
        detector.IsMonitoring.ShouldBeFalse();
        detector.IsAvailable.ShouldBeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9_000)]
    public void A_young_member_is_missed_after_the_longer_pause(int age)
    {
        BeatFor(age);
        now += 4_900;
        detector.IsAvailable.ShouldBeTrue();
        now += 200;
        detector.IsAvailable.ShouldBeFalse();
    }

    [Fact]
    public void An_old_member_is_missed_after_the_usual_pause()
    {
        BeatFor(10_250);
        now += 1_000;
        detector.IsAvailable.ShouldBeTrue();
        now += 1_500;
        detector.IsAvailable.ShouldBeFalse();
    }

    [Fact]
    public void Who_is_heard_again_is_available_again()
    {
        BeatFor(1_000);
        now += 6_000;
        detector.IsAvailable.ShouldBeFalse();
        detector.HeartBeat();
        detector.IsAvailable.ShouldBeTrue();
    }

    private void BeatFor(int milliseconds)
    {
        detector.HeartBeat();
        for (var passed = 250; passed <= milliseconds; passed += 250)
        {
            now += 250;
            detector.HeartBeat();
        }
    }
}
