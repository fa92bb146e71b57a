import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.ImageFormat;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import java.nio.file.Path;

/** Has jib build an image of one file: FILE, image's NAME, Docker or OCI, and the TAR to write. */
class Build {
  public static void main(String[] given) throws Exception {
    var files = FileEntriesLayer.builder().addEntry(Path.of(given[0]), AbsoluteUnixPath.get("/file")).build();
    var tar = TarImage.at(Path.of(given[3])).named(given[1]);
    Jib.fromScratch()
        .addFileEntriesLayer(files)
        .setFormat(ImageFormat.valueOf(given[2]))
        .containerize(Containerizer.to(tar).setOfflineMode(true));
  }
}
