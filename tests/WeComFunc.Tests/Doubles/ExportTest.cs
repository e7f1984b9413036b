namespace WeComFunc.Tests.Doubles;

/// <summary>A test of what is sent by OTLP.</summary>
public abstract class ExportTest : WeComTest
{
    private protected OtlpReceiver Receiver { get; private set; } = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Receiver = await OtlpReceiver.StartAsync();
    }

    public override async Task DisposeAsync()
    {
        await Receiver.DisposeAsync();
        await base.DisposeAsync();
    }
}
