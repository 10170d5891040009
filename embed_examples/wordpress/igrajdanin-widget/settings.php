<?php
/**
 * The page «Settings → Problems of the city»: the snippet is pasted whole, or its two parts are typed.
 *
 * @package igrajdanin-widget
 */

defined( 'ABSPATH' ) || exit;

/** The attributes of the pasted element, `type="basic"` or `data-type="basic"`. */
function igrajdanin_pasted( string $snippet ): array {
	if ( ! preg_match( '~<(?:igrajdanin-widget|div)\s[^>]*>~i', $snippet, $tag ) ) {
		return array();
	}
	preg_match_all( '~\s(?:data-)?(type|view|theme|category|lang)\s*=\s*["\']?([A-Za-z0-9_-]*)~i', $tag[0], $found, PREG_SET_ORDER );
	return array_column( $found, 2, 1 );
}

/**
 * What comes from the form, made fit to be kept. A pasted snippet wins over the fields; whatever is no address and no key
 * is left out, with a word about it, and so is whatever the widget does not know.
 */
function igrajdanin_sanitize( $given ): array {
	$given   = (array) $given;
	$service = isset( $given['service'] ) ? trim( (string) $given['service'] ) : '';
	$key     = isset( $given['key'] ) ? trim( (string) $given['key'] ) : '';
	$snippet = isset( $given['snippet'] ) ? (string) $given['snippet'] : '';
	if ( preg_match( '~(https?://[^\s"\'<>]+?)/s/(wk_[A-Za-z0-9_-]+)/report~', $snippet, $found ) ) {
		list( , $service, $key ) = $found;
		$given                   = igrajdanin_pasted( $snippet );
	} elseif ( '' !== trim( $snippet ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'snippet', __( 'This is not the code of the widget. Copy it once more, whole.', 'igrajdanin-widget' ) );
	}
	if ( '' !== $service && ! preg_match( '~^https?://[^\s/"\'<>]+(/[^\s"\'<>?#]*)?$~', $service ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'service', __( 'The address of the service begins with https://', 'igrajdanin-widget' ) );
		$service = '';
	}
	if ( '' !== $key && ! preg_match( '/^wk_[A-Za-z0-9_-]+$/', $key ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'key', __( 'The key of the site begins with wk_', 'igrajdanin-widget' ) );
		$key = '';
	}
	$known = igrajdanin_attributes( $given );
	$kept  = array( 'service' => rtrim( esc_url_raw( $service ), '/' ), 'key' => $key );
	foreach ( array( 'type', 'view', 'theme', 'category', 'lang' ) as $name ) {
		$kept[ $name ] = $known[ $name ] ?? '';
	}
	return $kept;
}

/** Saved by WordPress's own options.php, which checks the nonce and the right to manage options. */
function igrajdanin_admin_init(): void {
	register_setting( IGRAJDANIN_OPTION, IGRAJDANIN_OPTION, array( 'type' => 'array', 'sanitize_callback' => 'igrajdanin_sanitize' ) );
}
add_action( 'admin_init', 'igrajdanin_admin_init' );

function igrajdanin_admin_menu(): void {
	$title = __( 'Problems of the city', 'igrajdanin-widget' );
	add_options_page( $title, $title, 'manage_options', 'igrajdanin-widget', 'igrajdanin_settings_page' );
}
add_action( 'admin_menu', 'igrajdanin_admin_menu' );

function igrajdanin_themes(): array {
	return array(
		'auto'           => __( 'As the visitor’s device is set', 'igrajdanin-widget' ),
		'light'          => __( 'Light', 'igrajdanin-widget' ),
		'dark'           => __( 'Dark', 'igrajdanin-widget' ),
		'contrast'       => __( 'High contrast: black on white', 'igrajdanin-widget' ),
		'contrast-black' => __( 'High contrast: white on black', 'igrajdanin-widget' ),
		'contrast-blue'  => __( 'High contrast: dark blue on light blue', 'igrajdanin-widget' ),
	);
}

/** A row of the page: a choice of known values under their names. */
function igrajdanin_choice( string $name, string $label, string $value, array $names ): void {
	printf( '<tr><th scope="row"><label for="igrajdanin-%1$s">%2$s</label></th><td><select id="igrajdanin-%1$s" name="%3$s[%1$s]">', esc_attr( $name ), esc_html( $label ), esc_attr( IGRAJDANIN_OPTION ) );
	foreach ( $names as $key => $text ) {
		printf( '<option value="%s"%s>%s</option>', esc_attr( $key ), selected( $value, $key, false ), esc_html( $text ) );
	}
	echo '</select></td></tr>';
}

/** A row of the page: a line of text. */
function igrajdanin_line( string $name, string $label, string $value, string $example ): void {
	printf( '<tr><th scope="row"><label for="igrajdanin-%1$s">%2$s</label></th><td><input type="text" class="regular-text code" id="igrajdanin-%1$s" name="%3$s[%1$s]" value="%4$s" placeholder="%5$s"></td></tr>', esc_attr( $name ), esc_html( $label ), esc_attr( IGRAJDANIN_OPTION ), esc_attr( $value ), esc_attr( $example ) );
}

function igrajdanin_settings_page(): void {
	$settings = igrajdanin_settings();
	?>
	<div class="wrap">
		<h1><?php echo esc_html( get_admin_page_title() ); ?></h1>
		<form action="options.php" method="post">
			<?php settings_fields( IGRAJDANIN_OPTION ); ?>
			<table class="form-table" role="presentation">
				<tr>
					<th scope="row"><label for="igrajdanin-snippet"><?php esc_html_e( 'The code you were given', 'igrajdanin-widget' ); ?></label></th>
					<td>
						<textarea class="large-text code" rows="5" id="igrajdanin-snippet" name="<?php echo esc_attr( IGRAJDANIN_OPTION ); ?>[snippet]" placeholder="&lt;igrajdanin-widget site-key=&quot;wk_…&quot;&gt;"></textarea>
						<p class="description"><?php esc_html_e( 'Paste it whole and save: the fields below fill in by themselves.', 'igrajdanin-widget' ); ?></p>
					</td>
				</tr>
				<?php
				igrajdanin_line( 'service', __( 'Address of the service', 'igrajdanin-widget' ), $settings['service'], 'https://…' );
				igrajdanin_line( 'key', __( 'Key of the site', 'igrajdanin-widget' ), $settings['key'], 'wk_…' );
				$types = array(
					'extended' => __( 'The form and the problems of the city', 'igrajdanin-widget' ),
					'basic'    => __( 'The form alone', 'igrajdanin-widget' ),
				);
				igrajdanin_choice( 'type', __( 'What it shows', 'igrajdanin-widget' ), $settings['type'], $types );
				$views = array(
					'button'  => __( 'A button that opens a window', 'igrajdanin-widget' ),
					'inline'  => __( 'In the page itself', 'igrajdanin-widget' ),
					'figures' => __( 'The figures of the city alone', 'igrajdanin-widget' ),
				);
				igrajdanin_choice( 'view', __( 'Where it opens', 'igrajdanin-widget' ), $settings['view'], $views );
				igrajdanin_choice( 'theme', __( 'Colours of the widget', 'igrajdanin-widget' ), $settings['theme'], igrajdanin_themes() );
				igrajdanin_line( 'category', __( 'Category chosen beforehand', 'igrajdanin-widget' ), $settings['category'], 'roads' );
				igrajdanin_line( 'lang', __( 'Language of the widget', 'igrajdanin-widget' ), $settings['lang'], 'ru' );
				?>
			</table>
			<p>
				<?php
				/* translators: 1: address of this site, 2: the shortcode. */
				printf( esc_html__( 'Register the address %1$s with the service. Then put the block «Problems of the city» or %2$s into a page.', 'igrajdanin-widget' ), '<code>' . esc_html( igrajdanin_origin() ) . '</code>', '<code>[igrajdanin]</code>' );
				?>
			</p>
			<?php if ( '' !== $settings['service'] && '' !== $settings['key'] ) : ?>
				<p><a href="<?php echo esc_url( $settings['service'] . '/s/' . rawurlencode( $settings['key'] ) . '/install' ); ?>"><?php esc_html_e( 'The code and the install check of this site', 'igrajdanin-widget' ); ?></a></p>
			<?php endif; ?>
			<?php submit_button(); ?>
		</form>
	</div>
	<?php
}

/** The origin browsers will send: scheme, host and port of the site's address. */
function igrajdanin_origin(): string {
	$parts = wp_parse_url( home_url() );
	return $parts['scheme'] . '://' . $parts['host'] . ( isset( $parts['port'] ) ? ':' . $parts['port'] : '' );
}
